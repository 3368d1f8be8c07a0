#include "base/waiting.hpp"

#include <cxxabi.h>
#include <execinfo.h>
#include <pthread.h>
#include <semaphore.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <ctime>
#include <memory>
#include <mutex>
#include <utility>

#include "base/clock.hpp"

namespace atl::base {

namespace {

struct Watched {
  std::mutex mutex;
  std::vector<char const*> calls;  // the outermost first
  double since_s = 0.0;
  double waited_s = 0.0;
  pthread_t thread{};
  bool is_set = false;
};

Watched& watched() {
  static Watched instance;
  return instance;
}

thread_local bool is_watched_thread = false;

// What the signal's handler, which runs on the watched thread, leaves for whoever sent it.
struct Snapshot {
  std::array<void*, 64> frames{};
  std::atomic<int> count = 0;
  sem_t taken{};
};
Snapshot snapshot;

int stack_signal() { return SIGRTMIN + 4; }

void take_snapshot(int) {
  int const before = errno;
  snapshot.count = backtrace(snapshot.frames.data(), static_cast<int>(snapshot.frames.size()));
  sem_post(&snapshot.taken);
  errno = before;
}

// "build/atoll(_ZN3atl5train7SiteRun3runEv+0x12) [0x55]" -> "atl::train::SiteRun::run()"
std::string readable(std::string const& symbol) {
  auto const begin = symbol.find('('), end = symbol.find('+', begin);
  if (begin == std::string::npos || end == std::string::npos || end == begin + 1) return symbol;
  int status = 0;
  std::unique_ptr<char, decltype(&std::free)> const name(
      abi::__cxa_demangle(symbol.substr(begin + 1, end - begin - 1).c_str(), nullptr, nullptr, &status),
      &std::free);
  return status == 0 ? name.get() : symbol.substr(begin + 1, end - begin - 1);
}

}  // namespace

Waiting::Waiting(char const* call) : is_watched_(is_watched_thread) {
  if (!is_watched_) return;
  std::lock_guard const lock(watched().mutex);
  if (watched().calls.empty()) watched().since_s = now_s();
  watched().calls.push_back(call);
}

Waiting::~Waiting() {
  if (!is_watched_) return;
  std::lock_guard const lock(watched().mutex);
  watched().calls.pop_back();
  if (watched().calls.empty()) watched().waited_s += now_s() - watched().since_s;
}

// The handler has a stack of its own: oneDNN's generated code points the thread's stack pointer into a
// workspace on the heap while a product runs, and the kernel would write there.
void watch_this_thread() {
  static std::array<char, 64 * 1024> stack;
  std::lock_guard const lock(watched().mutex);
  is_watched_thread = true;
  watched().thread = pthread_self();
  if (std::exchange(watched().is_set, true)) return;
  std::array<void*, 1> first{};
  backtrace(first.data(), 1);  // loads what the handler must not
  sem_init(&snapshot.taken, 0, 0);
  stack_t const alternate{.ss_sp = stack.data(), .ss_flags = 0, .ss_size = stack.size()};
  sigaltstack(&alternate, nullptr);
  struct sigaction action {};
  action.sa_handler = take_snapshot;
  action.sa_flags = SA_ONSTACK | SA_RESTART;
  sigaction(stack_signal(), &action, nullptr);
}

std::optional<Wait> current_wait() {
  std::lock_guard const lock(watched().mutex);
  auto const& calls = watched().calls;
  if (calls.empty()) return {};
  Wait wait{.calls = calls.front(), .since_s = watched().since_s};
  for (std::size_t i = 1; i < calls.size(); ++i) wait.calls.append(": ").append(calls[i]);
  return wait;
}

double waited_s() {
  std::lock_guard const lock(watched().mutex);
  return watched().waited_s;
}

std::vector<std::string> watched_stack() {
  while (sem_trywait(&snapshot.taken) == 0) {  // of one that came too late
  }
  {
    std::lock_guard const lock(watched().mutex);
    if (!watched().is_set || pthread_kill(watched().thread, stack_signal()) != 0) return {};
  }
  timespec until{};
  clock_gettime(CLOCK_REALTIME, &until);
  until.tv_sec += 1;
  if (sem_timedwait(&snapshot.taken, &until) != 0) return {};
  int const count = snapshot.count;
  std::unique_ptr<char*, decltype(&std::free)> const symbols(backtrace_symbols(snapshot.frames.data(), count),
                                                             &std::free);
  std::vector<std::string> calls;
  for (int i = 2; symbols && i < count; ++i) calls.push_back(readable(symbols.get()[i]));  // past the handler
  return calls;
}

}  // namespace atl::base
