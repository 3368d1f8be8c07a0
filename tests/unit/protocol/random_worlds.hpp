// Worlds drawn by a seed: whatever is slow, late, silent, damaged or doubled.
#pragma once

#include "base/rng.hpp"
#include "world.hpp"

namespace atl::test {

// Draws of one seed, in order.
class Draws {
 public:
  explicit Draws(std::uint64_t seed) : random_{seed + 7000} {}
  int whole(int low, int high) {
    return low + static_cast<int>(random_.below(static_cast<std::uint64_t>(high - low + 1), 1, count_++));
  }
  double real(double low, double high) { return low + (high - low) * random_.uniform(2, count_++); }
  bool chance(double share) { return real(0.0, 1.0) < share; }

 private:
  base::Philox random_;
  std::uint64_t count_ = 0;
};

WorldOptions random_options(std::uint64_t seed, deck::Receive receive);
WorldOptions carrying_options(std::uint64_t seed);
// diloco where P = 1, else streaming; nothing is damaged on the way.
WorldOptions synchronous_options(std::uint64_t seed);

}  // namespace atl::test
