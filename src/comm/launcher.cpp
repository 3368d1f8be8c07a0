#include "comm/launcher.hpp"

#include <signal.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <string>

namespace atl::comm {

namespace {

constexpr int patience_s = 5;
constexpr unsigned longest_start_s = 30;

bool is_launcher(pid_t process) {
  std::string name;
  std::ifstream("/proc/" + std::to_string(process) + "/comm") >> name;
  return name == "prterun" || name == "prted" || name == "mpirun";
}

// Between fork and _exit, of a process with threads: system calls alone.
[[noreturn]] void watch_and_end(pid_t launcher) {
  setsid();
  for (int file = 0; file < 1024; ++file) close(file);  // who reads the job's output waits for its end
  for (int const signal : {SIGTERM, SIGKILL}) {
    for (int tenth = 0; tenth < 10 * patience_s; ++tenth) {
      usleep(100'000);
      if (kill(launcher, 0) != 0) _exit(0);
    }
    kill(launcher, signal);
  }
  _exit(0);
}

}  // namespace

void end_launcher_unless_it_ends() {
  pid_t const launcher = getppid();
  if (is_launcher(launcher) && fork() == 0) watch_and_end(launcher);
}

ImpatientStart::ImpatientStart() {
  if (std::getenv("OMPI_PARENT_PORT") == nullptr) return;
  signal(SIGALRM, [](int) { _exit(0); });
  alarm(longest_start_s);
}

ImpatientStart::~ImpatientStart() { alarm(0); }

}  // namespace atl::comm
