// Merging the sites' outer gradients of one fragment (PROTOCOL.md §3).
#pragma once

#include <span>
#include <vector>

#include "tensor/param_table.hpp"

namespace atl::outer {

enum class MergeRule { average, rda };

struct Weighted {
  std::span<float const> delta;  // base - theta of the whole fragment
  double weight = 0.0;           // not normalized; > 0
};

// out = sum_m w_m delta_m / sum_m w_m, in double, members in the order given.
//
// With `rda` (radial-directional averaging, Decoupled DiLoCo App. D.2) each tensor is
// (sum w |delta_m| / sum w) * phi(sum w phi(delta_m) / sum w), phi(x) = x/|x|, phi(0) = 0; norms in double.
// Where the mean direction is shorter than 1e-12, and for embeddings always: the average.
//
// `tensors`: those of the fragment; `fragment`: its range, whose size out and every delta have. Local.
void merge(MergeRule rule, std::span<tensor::Tensor const* const> tensors, tensor::Range fragment,
           std::span<Weighted const> members, std::span<float> out);

}  // namespace atl::outer
