// When the chips of one site train, and when failures, repairs and other users of the machine keep them from
// it.
#pragma once

#include <cstdint>
#include <limits>

#include "base/rng.hpp"

namespace atl::sim {

constexpr double never = std::numeric_limits<double>::infinity();

struct SiteState {
  enum class Kind {
    away,     // no chip of it can train, or it was taken away
    healing,  // it copies from a peer, and is not a member until then
    paused,   // it goes over to fewer or more chips
    training
  };
  Kind kind = Kind::training;
  double since_s = 0.0;
  double share = 1.0;  // of its chips that train; 0 unless training
};

// Times in seconds; rates in events a second.
struct SiteRules {
  double slice_failure_rate = 0.0;  // of one slice, while it trains
  int slices = 1, spares = 0;
  bool is_elastic = true;
  bool has_peers = false;
  double shrink_s = 0.0, regrow_s = 0.0, return_s = 0.0, heal_s = 0.0;
  double checkpoint_every_s = 0.0;
  double mean_present_s = never, mean_absent_s = never;
};

// A site of equal slices. Only chips that train are interrupted. One interruption takes its slice out;
// `return_s` after the first loss everything lost is back, in one batch. Elastic: the site pauses to go on
// without the slice, and once more to take the batch in. With no slice left it is away, then heals from a
// peer. Not elastic: it is away until the batch is back. A spare stands in at once.
class SiteLife {
 public:
  SiteLife(SiteRules const& rules, base::Philox rng, std::uint64_t stream);

  SiteState const& state() const { return state_; }
  double next_s() const { return next_s_; }  // when its state will have changed
  void advance();                            // to then

  // Up to `time_s`, which is not after next_s(). Trained: useful, in units of the whole site; what a restart
  // repeats is not.
  double trained_s(double time_s) const { return trained_s_ + state_.share * (time_s - state_.since_s); }
  double allocated_s(double time_s) const {
    return time_s - absent_s_ - (is_present_ ? 0.0 : time_s - state_.since_s);
  }

 private:
  double draw(double mean_s);
  int healthy() const { return rules_.slices + rules_.spares - lost_; }
  int wanted() const;
  void enter(SiteState::Kind kind, double now, double until);
  void train(double now);
  void lose_slice(double now);
  void come_back(double now);
  void leave(double now);
  void join(double now);
  void rewind();

  SiteRules rules_;
  base::Philox rng_;
  std::uint64_t stream_;
  std::uint64_t draws_ = 0;

  SiteState state_;
  double next_s_ = 0.0;
  int running_ = 0;  // slices that train when the site does
  int lost_ = 0;
  double batch_back_s_ = never;
  bool is_present_ = true;
  double presence_ends_s_ = never;  // then it leaves, or joins

  double trained_s_ = 0.0;  // before state_.since_s
  double absent_s_ = 0.0;
  double unsaved_s_ = 0.0;  // trained since the last restart
};

}  // namespace atl::sim
