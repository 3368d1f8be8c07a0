// The virtual clock, and what is to happen when.
#pragma once

#include <cstdint>
#include <queue>
#include <tuple>
#include <vector>

namespace atl::sim {

struct Event {
  enum class Kind : std::uint8_t {
    arrival,       // the next frame of channel `who`
    boundary,      // of site `who`; void unless `ticket` is the latest
    timer,         // of shard `who`, likewise
    fault_begins,  // fault `who` of the scenario
    fault_ends,
  };
  double time_s = 0.0;
  std::uint64_t order = 0;  // set by the queue: of two at one time the one planned first comes first
  Kind kind = Kind::arrival;
  std::uint32_t who = 0;
  std::uint64_t ticket = 0;

  bool operator<(Event const& other) const {
    return std::tie(other.time_s, other.order) < std::tie(time_s, order);
  }
};

class EventQueue {
 public:
  double now_s() const { return now_s_; }
  bool is_empty() const { return events_.empty(); }
  double next_s() const { return events_.top().time_s; }
  std::uint64_t count() const { return count_; }  // events so far

  // What is planned for the past happens now.
  void plan(double time_s, Event::Kind kind, std::uint32_t who, std::uint64_t ticket = 0) {
    events_.push({.time_s = time_s < now_s_ ? now_s_ : time_s,
                  .order = order_++,
                  .kind = kind,
                  .who = who,
                  .ticket = ticket});
  }
  // The clock moves on to it.
  Event next() {
    Event const event = events_.top();
    events_.pop();
    now_s_ = event.time_s;
    ++count_;
    return event;
  }

 private:
  std::priority_queue<Event> events_;
  double now_s_ = 0.0;
  std::uint64_t order_ = 0;
  std::uint64_t count_ = 0;
};

}  // namespace atl::sim
