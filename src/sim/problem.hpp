// What simulated sites train: parameters of some table, and steps that change them.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "base/rng.hpp"
#include "tensor/param_table.hpp"

namespace atl::sim {

class Problem {
 public:
  virtual ~Problem() = default;

  virtual tensor::ParamTable const& table() const = 0;
  // Version 0 of a fragment.
  virtual std::vector<float> initial(int fragment) const = 0;
  // The step after `step` of a site, in place; a pure function of its arguments.
  virtual void train(int site, std::uint64_t step, std::span<float> theta) const = 0;
  // A site's own.
  virtual double loss(int site, std::span<float const> theta) const = 0;
};

// A quadratic, of a few numbers per fragment. Every site is drawn to a target of its own, with noise at every
// step; the mean of the targets is what they seek together. The loss is half the squared distance to the
// site's target, per element.
class Quadratic : public Problem {
 public:
  Quadratic(int fragments, std::uint64_t seed);

  tensor::ParamTable const& table() const override { return table_; }
  std::vector<float> initial(int fragment) const override;
  void train(int site, std::uint64_t step, std::span<float> theta) const override;
  double loss(int site, std::span<float const> theta) const override;

 private:
  float target(int site, std::size_t element) const;

  base::Philox random_;
  tensor::ParamTable table_;
};

}  // namespace atl::sim
