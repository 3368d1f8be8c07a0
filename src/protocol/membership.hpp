// What a shard knows of the sites themselves: who is admitted, who is live, how far each has come.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "protocol/message.hpp"

namespace atl::protocol {

struct SiteStatus {
  bool expected = true;   // on its way here: neither heard of nor lost
  bool here = false;      // has said hello, and is not lost
  bool admitted = false;  // here, and healed: it may be asked and counted
  bool live = false;      // here, and heard within dead_after_s
  bool reported = false;  // has sent progress in this incarnation: its step is known
  bool holding = false;
  bool leaving = false;  // asked for what it has, but counted no longer
  std::uint64_t incarnation = 0;
  std::uint64_t step = 0;
  double step_s = 0.0;        // EMA
  double heard_s = 0.0;       // the last sign of life
  double live_since_s = 0.0;  // without a break
};

class Membership {
 public:
  // `last_step` > 0: a site that has come there has ended, and takes no further step.
  Membership(int sites, double dead_after_s, std::uint64_t last_step)
      : sites_(static_cast<std::size_t>(sites)),
        furthest_(static_cast<std::size_t>(sites)),
        dead_after_s_(dead_after_s),
        last_step_(last_step) {}

  // A site says hello. False: this incarnation, or a later one, is known already.
  bool greet(int site, std::uint64_t incarnation, bool heals, double now_s);
  // Its process is gone. False: nothing new.
  bool lose(int site);
  // A sign of life. False: not from the incarnation that is here.
  bool hear(int site, std::uint64_t incarnation, double now_s);
  void report(int site, Progress const& progress);
  // Sites not heard for dead_after_s are live no longer.
  void sweep(double now_s);

  // Of the sites that count for the clock: live, their step known, and not ended unless all have.
  std::vector<std::uint64_t> counted_steps() const;
  // Whether counted_steps() is over other sites than at the last call.
  bool take_changed();
  // Those who have come to live, to be admitted or to stand still, or do so no longer, since the last call.
  std::vector<int> take_touched() { return std::exchange(touched_, {}); }
  std::uint64_t slowest_step() const;  // of the live sites; 0: there is none

  // Whose state a site that heals may take: healthy, the furthest first.
  std::vector<std::uint32_t> donors_for(int site, std::size_t most) const;
  std::uint64_t furthest_step(int site) const { return furthest_.at(static_cast<std::size_t>(site)); }

  int size() const { return static_cast<int>(sites_.size()); }
  SiteStatus const& operator[](int site) const { return sites_.at(static_cast<std::size_t>(site)); }
  int live_count() const { return counted_; }
  bool do_all_live_hold() const { return moving_ == 0; }
  std::optional<double> next_death_s() const;
  // Why a site that is not live is not: "silent for 12 s", "not here yet".
  std::string describe(int site, double now_s) const;

 private:
  double death_s(SiteStatus const& site) const { return site.heard_s + dead_after_s_; }
  bool has_ended(SiteStatus const& site) const { return last_step_ > 0 && site.step >= last_step_; }

  void become(int site, SiteStatus const& status);
  void forget_old_signs();

  std::vector<SiteStatus> sites_;
  std::deque<std::pair<double, int>> signs_;  // of life: when, and whose; the first is a live site's last
  std::vector<int> touched_;
  int counted_ = 0;                      // live and admitted
  int moving_ = 0;                       // live, and not holding
  std::vector<std::uint64_t> furthest_;  // step of a site, in any life
  double dead_after_s_;
  std::uint64_t last_step_;
  bool changed_ = false;
};

}  // namespace atl::protocol
