#include "comm/launcher.hpp"

#include <signal.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <system_error>
#include <vector>

namespace atl::comm {

namespace {

constexpr int patience_s = 3;
constexpr unsigned longest_start_s = 30;

bool is_launcher(pid_t process) {
  std::string name;
  std::ifstream("/proc/" + std::to_string(process) + "/comm") >> name;
  return name == "prterun" || name == "prted" || name == "mpirun";
}

// What else it has started here.
std::vector<pid_t> other_children_of(pid_t parent) {
  std::vector<pid_t> children;
  std::error_code failure;
  for (auto const& entry : std::filesystem::directory_iterator("/proc", failure)) {
    std::string word;
    std::ifstream status(entry.path() / "status");
    while (status >> word && word != "PPid:") {
    }
    pid_t of = 0;
    if (!(status >> of) || of != parent) continue;
    pid_t const child = std::atoi(entry.path().filename().c_str());  // 0: "self"
    if (child > 0 && child != getpid()) children.push_back(child);
  }
  return children;
}

// Between fork and _exit, of a process with threads: system calls alone.
void wait_for_end_of(pid_t process) {
  for (int tenth = 0; tenth < 10 * patience_s; ++tenth) {
    usleep(100'000);
    if (kill(process, 0) != 0) _exit(0);
  }
}

// First what it waits for: its exit code is then that of who called, which it is not where it is ended
// itself.
[[noreturn]] void watch_and_end(pid_t launcher, std::vector<pid_t> const& others) {
  setsid();
  for (int file = 0; file < 1024; ++file) close(file);  // who reads the job's output waits for its end
  wait_for_end_of(launcher);
  for (pid_t const other : others) kill(other, SIGKILL);
  for (int const signal : {SIGTERM, SIGKILL}) {
    wait_for_end_of(launcher);
    kill(launcher, signal);
  }
  _exit(0);
}

}  // namespace

void end_launcher_unless_it_ends() {
  pid_t const launcher = getppid();
  if (!is_launcher(launcher)) return;
  auto const others = other_children_of(launcher);
  if (fork() == 0) watch_and_end(launcher, others);
}

ImpatientStart::ImpatientStart() {
  if (std::getenv("OMPI_PARENT_PORT") == nullptr) return;
  signal(SIGALRM, [](int) { _exit(0); });
  alarm(longest_start_s);
}

ImpatientStart::~ImpatientStart() { alarm(0); }

}  // namespace atl::comm
