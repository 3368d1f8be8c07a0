// The exit codes of the program: the contract with batch scripts.
#pragma once

namespace atl::base {

enum class ExitCode : int {
  done = 0,
  bad_input = 2,
  runtime_failure = 3,
  watchdog = 4,
  stopped_resumable = 75,  // EX_TEMPFAIL: requeue and resume
};

}  // namespace atl::base
