// What simulated sites train: a quadratic, of a few numbers per fragment. Every site is drawn to a target of
// its own, with noise at every step; the mean of the targets is what they seek together.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "base/rng.hpp"
#include "tensor/param_table.hpp"

namespace atl::sim {

class Problem {
 public:
  Problem(int fragments, std::uint64_t seed);

  tensor::ParamTable const& table() const { return table_; }
  // Version 0 of a fragment.
  std::vector<float> initial(int fragment) const;
  // The step after `step` of a site, in place; a pure function of its arguments.
  void train(int site, std::uint64_t step, std::span<float> theta) const;
  // Half the squared distance to the site's target, per element.
  double loss(int site, std::span<float const> theta) const;

 private:
  float target(int site, std::size_t element) const;

  base::Philox random_;
  tensor::ParamTable table_;
};

}  // namespace atl::sim
