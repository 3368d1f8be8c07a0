// A child process whose stderr we read and whose signals we choose: what `atoll launch` starts.
#pragma once

#include <functional>
#include <string>

#include "app/job_command.hpp"

namespace atl::app {

struct ChildWatch {
  std::function<void(std::string const& line)> on_error_line;  // of its stderr, without the line's end
  std::function<void(int signal)> on_signal;                   // SIGINT, SIGTERM, SIGHUP or SIGUSR1 to us
  std::function<void()> on_tick;                               // about ten times a second
};

class ChildProcess {
 public:
  // Starts it in a process group of its own, so that Ctrl-C reaches us alone, and with nothing to read: a
  // group in the background may not read from a terminal. Its stdout is ours. From now on the signals of
  // `ChildWatch` are ours to handle. Throws InputError where the program cannot be started.
  explicit ChildProcess(JobCommand const& command);
  ~ChildProcess();
  ChildProcess(ChildProcess const&) = delete;
  ChildProcess& operator=(ChildProcess const&) = delete;

  // Until it ends. Its exit code, or 128 + the signal that ended it.
  int wait(ChildWatch const& watch);

  void send(int signal) const;           // to the process alone
  void send_to_group(int signal) const;  // to what it started, too

 private:
  void read_lines(std::function<void(std::string const& line)> const& take);

  int pid_ = -1;
  int signals_ = -1;  // a signalfd
  int errors_ = -1;   // the reading end of its stderr
  std::string rest_;  // of a line whose end has not come yet
};

}  // namespace atl::app
