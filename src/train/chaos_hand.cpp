#include "train/chaos_hand.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <signal.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <string>
#include <thread>

#include "base/error.hpp"

namespace atl::train {

namespace {

// A command is a number: for how long to stall, or this.
constexpr double to_the_end = -1.0;

void ensure_done(int code) {
  if (code == 0) return;
  throw base::RuntimeFailure(
      fmt::format("cannot start a process that sends signals: {}", std::strerror(code)));
}

// It is no part of the job: nothing that a launcher says of its processes is handed on. It holds none of our
// files open, and a signal to our process group does not reach it.
pid_t start_hand(int commands) {
  posix_spawn_file_actions_t files;
  posix_spawnattr_t attributes;
  posix_spawn_file_actions_init(&files);
  posix_spawnattr_init(&attributes);
  posix_spawn_file_actions_adddup2(&files, commands, STDIN_FILENO);
  posix_spawn_file_actions_addopen(&files, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
  posix_spawn_file_actions_adddup2(&files, STDOUT_FILENO, STDERR_FILENO);
  posix_spawn_file_actions_addclosefrom_np(&files, STDERR_FILENO + 1);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP);

  std::string name = "atoll", word = chaos_hand_word, self = std::to_string(getpid());
  char const* const known = std::getenv("LD_LIBRARY_PATH");
  std::string libraries = fmt::format("LD_LIBRARY_PATH={}", known == nullptr ? "" : known);
  char* const arguments[] = {name.data(), word.data(), self.data(), nullptr};
  char* const environment[] = {known == nullptr ? nullptr : libraries.data(), nullptr};
  pid_t process = -1;
  int const code = posix_spawn(&process, "/proc/self/exe", &files, &attributes, arguments, environment);
  posix_spawn_file_actions_destroy(&files);
  posix_spawnattr_destroy(&attributes);
  ensure_done(code);
  return process;
}

}  // namespace

ChaosHand::ChaosHand() {
  int ends[2];
  ensure_done(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) == 0 ? 0 : errno);
  commands_ = ends[0];
  try {
    process_ = start_hand(ends[1]);
  } catch (...) {
    close(ends[0]);
    close(ends[1]);
    throw;
  }
  close(ends[1]);
}

ChaosHand::~ChaosHand() {
  close(commands_);
  waitpid(process_, nullptr, 0);
}

void ChaosHand::kill() { command(to_the_end); }
void ChaosHand::stall(double for_s) { command(for_s); }

void ChaosHand::command(double stall_s) {
  ssize_t const sent = send(commands_, &stall_s, sizeof stall_s, MSG_NOSIGNAL);
  ensure_done(sent == sizeof stall_s ? 0 : errno);
}

int be_chaos_hand(char const* process) {
  pid_t const parent = std::atoi(process);
  double stall_s = 0.0;
  // Of a parent that is gone the number may be another's.
  while (read(STDIN_FILENO, &stall_s, sizeof stall_s) == sizeof stall_s && parent > 1 &&
         getppid() == parent) {
    if (stall_s < 0) {
      ::kill(parent, SIGKILL);
      continue;
    }
    ::kill(parent, SIGSTOP);
    std::this_thread::sleep_for(std::chrono::duration<double>(stall_s));
    if (getppid() == parent) ::kill(parent, SIGCONT);
  }
  return 0;
}

}  // namespace atl::train
