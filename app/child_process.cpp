#include "app/child_process.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <spawn.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <vector>

#include "base/error.hpp"
#include "base/exit_code.hpp"

namespace atl::app {

namespace {

constexpr int tick_ms = 100;

sigset_t watched_signals() {
  sigset_t signals;
  sigemptyset(&signals);
  for (int const signal : {SIGINT, SIGTERM, SIGHUP, SIGUSR1, SIGCHLD}) sigaddset(&signals, signal);
  return signals;
}

// posix_spawn's settings: signals as they were before we took ours, a group of its own, no stdin, our pipe.
struct SpawnSettings {
  SpawnSettings(sigset_t const& mask, int errors) {
    posix_spawnattr_init(&attributes);
    posix_spawnattr_setsigmask(&attributes, &mask);
    posix_spawnattr_setpgroup(&attributes, 0);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETPGROUP);
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_adddup2(&actions, errors, STDERR_FILENO);
  }
  ~SpawnSettings() {
    posix_spawnattr_destroy(&attributes);
    posix_spawn_file_actions_destroy(&actions);
  }
  SpawnSettings(SpawnSettings const&) = delete;
  SpawnSettings& operator=(SpawnSettings const&) = delete;

  posix_spawnattr_t attributes;
  posix_spawn_file_actions_t actions;
};

}  // namespace

ChildProcess::ChildProcess(JobCommand const& command) {
  for (auto const& [name, value] : command.environment) setenv(name.c_str(), value.c_str(), 1);
  std::vector<char*> arguments;
  for (auto const& argument : command.arguments) arguments.push_back(const_cast<char*>(argument.c_str()));
  arguments.push_back(nullptr);

  std::array<int, 2> pipe_ends{};
  if (pipe2(pipe_ends.data(), O_CLOEXEC) != 0) throw base::RuntimeFailure("no pipe for a child process");
  errors_ = pipe_ends[0];
  fcntl(errors_, F_SETFL, O_NONBLOCK);

  std::signal(SIGCHLD, SIG_DFL);  // inherited as ignored, it would leave nobody to wait for
  sigset_t before;
  auto const watched = watched_signals();
  pthread_sigmask(SIG_BLOCK, &watched, &before);
  signals_ = signalfd(-1, &watched, SFD_CLOEXEC | SFD_NONBLOCK);
  SpawnSettings const settings(before, pipe_ends[1]);
  int const error =
      posix_spawnp(&pid_, arguments[0], &settings.actions, &settings.attributes, arguments.data(), environ);
  close(pipe_ends[1]);
  if (error != 0) {
    throw base::InputError(command.arguments.front(),
                           fmt::format("cannot be started: {}", std::strerror(error)),
                           "load the MPI that atoll was built with, or name its mpirun: ATOLL_MPIRUN=...");
  }
}

ChildProcess::~ChildProcess() {
  close(signals_);
  close(errors_);
}

void ChildProcess::send(int signal) const { kill(pid_, signal); }

void ChildProcess::send_to_group(int signal) const { kill(-pid_, signal); }

void ChildProcess::read_lines(std::function<void(std::string const& line)> const& take) {
  std::array<char, 4096> part{};
  for (ssize_t n = 0; (n = read(errors_, part.data(), part.size())) > 0;) {
    rest_.append(part.data(), static_cast<std::size_t>(n));
    for (std::size_t end = 0; (end = rest_.find('\n')) != rest_.npos;) {
      take(rest_.substr(0, end));
      rest_.erase(0, end + 1);
    }
  }
}

int ChildProcess::wait(ChildWatch const& watch) {
  std::array<pollfd, 2> sources{{{signals_, POLLIN, 0}, {errors_, POLLIN, 0}}};
  for (;;) {
    poll(sources.data(), sources.size(), tick_ms);
    // Closed by the child, a pipe would wake us for ever.
    if ((sources[1].revents & POLLHUP) != 0) sources[1].fd = -1;
    read_lines(watch.on_error_line);
    for (signalfd_siginfo info{}; read(signals_, &info, sizeof info) == sizeof info;) {
      if (info.ssi_signo != SIGCHLD) watch.on_signal(static_cast<int>(info.ssi_signo));
    }
    watch.on_tick();
    int status = 0;
    pid_t const ended = waitpid(pid_, &status, WNOHANG);
    if (ended == 0 || (ended < 0 && errno == EINTR)) continue;
    read_lines(watch.on_error_line);  // what was written last
    if (!rest_.empty()) watch.on_error_line(rest_);
    if (ended < 0) return static_cast<int>(base::ExitCode::runtime_failure);  // how it ended, nobody knows
    return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
  }
}

}  // namespace atl::app
