// Signals become a flag. Each is raised in a process of its own, since the flag never falls.
#include "base/stop_flag.hpp"

#include <sys/wait.h>
#include <unistd.h>

#include <csignal>

#include "support/catch.hpp"

using namespace atl::base;

namespace {

enum : int { stops_only_after_signal = 0, stops_before = 1, never_stops = 2 };

int in_child(int signal) {
  pid_t const child = ::fork();
  if (child == 0) {
    install_stop_signals();
    if (stop_requested()) ::_exit(stops_before);
    ::kill(::getpid(), signal);  // to the process, as a launcher does
    for (int waited_ms = 0; waited_ms < 2000 && !stop_requested(); ++waited_ms) ::usleep(1000);
    ::_exit(stop_requested() ? stops_only_after_signal : never_stops);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

}  // namespace

TEST_CASE("SIGUSR1, SIGTERM and SIGINT ask to stop and end nothing by themselves") {
  CHECK(in_child(SIGUSR1) == stops_only_after_signal);
  CHECK(in_child(SIGTERM) == stops_only_after_signal);
  CHECK(in_child(SIGINT) == stops_only_after_signal);
}

TEST_CASE("other signals keep their effect") { CHECK(in_child(SIGALRM) == 128 + SIGALRM); }
