#include "base/stop_flag.hpp"

#include <pthread.h>

#include <atomic>
#include <csignal>
#include <initializer_list>
#include <thread>

namespace atl::base {

namespace {
std::atomic<bool> stop_flag = false;
}  // namespace

// No handler: the kernel would put its frame where the interrupted thread's stack pointer says, and oneDNN's
// generated code points it into a workspace on the heap while a product runs. So the signals are blocked, and
// a thread waits for them.
void install_stop_signals() {
  sigset_t signals;
  sigemptyset(&signals);
  for (int const signal : {SIGUSR1, SIGTERM, SIGINT}) sigaddset(&signals, signal);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  std::thread([signals] {
    for (int signal = 0;;) {
      if (sigwait(&signals, &signal) == 0) stop_flag = true;
    }
  }).detach();
}

bool stop_requested() { return stop_flag; }

}  // namespace atl::base
