// The outer step (PROTOCOL.md §3), fragment by fragment.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "base/archive.hpp"

namespace atl::outer {

// Nesterov: b <- mu b + delta; Theta <- Theta - lr (delta + mu b). Plain SGD is mu = 0, without a buffer.
class OuterOptimizer {
 public:
  struct Options {
    double lr = 0.7;
    double momentum = 0.6;  // 0: plain SGD
  };

  // `size`: elements of the fragment.
  OuterOptimizer(Options options, std::size_t size);

  // delta and theta have the fragment's size; theta is updated in place. In double, rounded once.
  void step(std::span<float const> delta, std::span<float> theta);

  std::span<float const> momentum() const { return momentum_; }
  void save(base::Writer& writer) const;
  void load(base::Reader const& reader);

 private:
  Options options_;
  std::size_t size_;
  std::vector<float> momentum_;  // empty without momentum
};

}  // namespace atl::outer
