// The forward pass through embedding and layers.
#pragma once

#include "model/activations.hpp"
#include "model/beside.hpp"
#include "model/weights.hpp"

namespace atl::model {

// From act.tokens to act.head_in, leaving in `act` what the backward pass needs. All parameters are asked
// for, the head's too. Enqueues on exec; the caller fences.
template <class Real>
void forward(Exec const& exec, WeightMap const& map, Parameters<Real> const& params,
             ParametersNeeded const& needed, Activations<Real>& act);

// All of a layer's activations once more, to the same bits, from the input that alone was kept of it.
// Overwrites act.branch. Enqueues on exec; the caller fences.
template <class Real>
void recompute_layer(Exec const& exec, LayerParameters<Real> const& weights, Activations<Real> const& act,
                     LayerActivations<Real> const& layer);

}  // namespace atl::model
