// A process that writes checkpoints is killed before every one of its calls that changes a file, in turn.
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <functional>

#include "support/catch.hpp"
#include "support/file_bytes.hpp"
#include "support/scratch_folder.hpp"
#include "unit/checkpoint/small_set.hpp"

using namespace atl;
namespace fs = std::filesystem;

namespace {

// Of the kernel, so that those of the libraries below are among them.
constexpr std::array changes_files = {
    SYS_openat,    SYS_write, SYS_pwrite64, SYS_writev,   SYS_pwritev,   SYS_ftruncate, SYS_fsync,
    SYS_fdatasync, SYS_close, SYS_renameat, SYS_unlinkat, SYS_renameat2, SYS_mkdirat,
#ifdef SYS_open
    SYS_open,      SYS_creat, SYS_rename,   SYS_unlink,   SYS_rmdir,     SYS_mkdir,
#endif
};

enum class End { by_itself, killed, untraceable };

[[noreturn]] void live_traced(std::function<void()> const& work) {
  if (ptrace(PTRACE_TRACEME, 0, nullptr, nullptr) != 0) _exit(77);
  std::raise(SIGSTOP);
  try {
    work();
  } catch (...) {
    _exit(1);
  }
  _exit(0);
}

bool is_about_to_change_a_file(pid_t child) {
  __ptrace_syscall_info call{};
  ptrace(PTRACE_GET_SYSCALL_INFO, child, sizeof call, &call);
  return call.op == PTRACE_SYSCALL_INFO_ENTRY &&
         std::ranges::find(changes_files, static_cast<long>(call.entry.nr)) != changes_files.end();
}

// In a process of its own, which meets SIGKILL before its n-th such call.
End run_killed(int nth, std::function<void()> const& work) {
  pid_t const child = fork();
  REQUIRE(child >= 0);
  if (child == 0) live_traced(work);
  int status = 0;
  waitpid(child, &status, 0);
  if (WIFEXITED(status)) return End::untraceable;
  ptrace(PTRACE_SETOPTIONS, child, nullptr, PTRACE_O_TRACESYSGOOD | PTRACE_O_EXITKILL);
  for (int calls = 0; WIFSTOPPED(status);) {
    bool const is_call = WSTOPSIG(status) == (SIGTRAP | 0x80);
    if (is_call && is_about_to_change_a_file(child) && ++calls == nth) kill(child, SIGKILL);
    ptrace(PTRACE_SYSCALL, child, nullptr, nullptr);
    waitpid(child, &status, 0);
  }
  if (WIFSIGNALED(status)) return End::killed;
  REQUIRE(WEXITSTATUS(status) == 0);
  return End::by_itself;
}

}  // namespace

TEST_CASE("wherever the writing of checkpoints is killed, a complete one is there and the run goes on") {
  auto* const sealed = static_cast<std::uint64_t*>(
      mmap(nullptr, sizeof(std::uint64_t), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0));
  REQUIRE(sealed != MAP_FAILED);
  test::ScratchFolder const scratch;
  auto const checkpoints = scratch.path() / "checkpoints";
  auto const write_and_prune = [&](std::uint64_t step) {
    test::write_small_set(checkpoints, step);
    *sealed = step;
    checkpoint::prune(checkpoints, step, {.newest = 1});
  };

  auto end = End::killed;
  int nth = 0;
  while (end == End::killed) {
    fs::remove_all(checkpoints);
    write_and_prune(100);
    test::write_state(checkpoint::start_set(checkpoints, 150), "shard_0.h5");  // an earlier crash
    end = run_killed(++nth, [&] { write_and_prune(200); });
    if (end == End::untraceable) {
      WARN("processes cannot be traced here: nothing was killed");
      break;
    }
    INFO("killed before call " << nth << ", after the checkpoint of step " << *sealed);
    auto const newest = checkpoint::newest_complete(checkpoints);
    REQUIRE(newest);
    CHECK(newest->manifest.step >= *sealed);
    CHECK(checkpoint::check_files(*newest).empty());
    write_and_prune(300);
    CHECK(test::names_in(checkpoints) == std::vector<std::string>{"step_00000300"});
  }
  CHECK((nth > 80 || end == End::untraceable));
  munmap(sealed, sizeof(std::uint64_t));
}
