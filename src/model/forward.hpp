// The forward pass through embedding and layers.
#pragma once

#include "model/activations.hpp"
#include "model/weights.hpp"

namespace atl::model {

// From act.tokens to act.head_in, leaving in `act` what the backward pass needs.
// Enqueues on exec; the caller fences.
void forward(Exec const& exec, WeightMap const& map, Tensor1<float const> params, Activations& act);

// All of a layer's activations once more, to the same bits, from the input that alone was kept of it.
// Overwrites act.branch. Enqueues on exec; the caller fences.
void recompute_layer(Exec const& exec, LayerWeights<float const> const& weights, Activations const& act,
                     LayerActivations const& layer);

}  // namespace atl::model
