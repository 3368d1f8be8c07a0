#include "base/stop_flag.hpp"

#include <csignal>
#include <initializer_list>

namespace atl::base {

namespace {
volatile std::sig_atomic_t stop_flag = 0;
}  // namespace

void install_stop_signals() {
  struct sigaction action {};
  action.sa_handler = [](int) { stop_flag = 1; };
  sigemptyset(&action.sa_mask);
  action.sa_flags = SA_RESTART;
  for (int const signal : {SIGUSR1, SIGTERM, SIGINT}) sigaction(signal, &action, nullptr);
}

bool stop_requested() { return stop_flag != 0; }

}  // namespace atl::base
