// The backward pass through layers and embedding.
#pragma once

#include "model/activations.hpp"
#include "model/beside.hpp"
#include "model/weights.hpp"

namespace atl::model {

// To `gradients` those of all but the head's matrix product, which has left d loss / d head_in.normed in
// act.branch: those of matrices overwritten or added, as `matrices` says, all others added. Overwrites parts
// of `act`. `on_ready` may be empty. Enqueues on exec; the caller fences.
template <class Real>
void backward(Exec const& exec, WeightMap const& map, Parameters<Real> const& params, Activations<Real>& act,
              Tensor1<float> gradients, Update matrices, GradientsReady const& on_ready);

}  // namespace atl::model
