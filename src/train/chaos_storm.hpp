// Faults at random, at the rate of [storm]: whoever draws them draws the same.
#pragma once

#include <cstdint>

#include "deck/config.hpp"

namespace atl::train {

// The faults of a Poisson process, in the order of time. Sites are hit, rank by rank, and shards that have a
// backup; not shard 0, which leads the run.
class ChaosStorm {
 public:
  // Some faults an hour.
  explicit ChaosStorm(deck::RunConfig const& config);

  // The next one, and goes on to the one after it.
  double at_s() const { return at_s_; }  // since the storm began
  deck::ChaosEntry take();

 private:
  double wait_s() const;  // from the one before

  deck::RunConfig const& config_;
  std::uint64_t number_ = 0;
  double at_s_;
};

}  // namespace atl::train
