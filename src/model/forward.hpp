// The forward pass through embedding and layers.
#pragma once

#include "model/activations.hpp"
#include "model/weights.hpp"

namespace atl::model {

// From act.tokens to act.head_in, leaving in `act` what the backward pass needs.
// Enqueues on exec; the caller fences.
void forward(kernels::Exec const& exec, WeightMap const& map, kernels::Tensor1<float const> params,
             Activations& act);

}  // namespace atl::model
