// A wait that lasts too long is told of: in which call, who of the site does not answer, where in the code.
#pragma once

#include <condition_variable>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

#include "base/waiting.hpp"
#include "comm/communicator.hpp"

namespace atl::comm {

// A thread beside the one that makes it, which it watches. It tells after `limit_s`, then after twice as
// long, and so on; 0: never. Ranks of a site answer one another, by messages of their own, whatever they are
// in: who does not stands still as a process.
class Watchdog {
 public:
  Watchdog(std::string who, double limit_s);
  ~Watchdog();
  Watchdog(Watchdog const&) = delete;
  Watchdog& operator=(Watchdog const&) = delete;

  // Whom to ask, by ranks of `site`. Nobody before a communicator goes: ask_nobody().
  void ask(Communicator const& site);
  void ask_nobody();

 private:
  void watch();
  void look();
  void tell(base::Wait const& wait, double waited_s);
  void answer_questions();
  std::string ask_others();

  std::string who_;
  double limit_s_;
  std::mutex mutex_;  // of what follows; MPI is called under it
  std::condition_variable ending_;
  bool is_over_ = false;
  Communicator const* site_ = nullptr;
  double told_since_s_ = 0.0;  // of the wait that was told of
  double next_s_ = 0.0;        // how long it may last now
  std::thread thread_;
};

}  // namespace atl::comm
