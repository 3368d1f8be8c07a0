// The backward pass through layers and embedding.
#pragma once

#include <functional>
#include <span>

#include "model/activations.hpp"
#include "model/weights.hpp"
#include "tensor/param_table.hpp"

namespace atl::model {

// Told of ranges of the flat gradient buffer that will not change any more: each element once, in an order
// that depends on the model alone. They are final in the order of exec: fence before reading them elsewhere.
using GradientsReady = std::function<void(tensor::Range)>;

// To `gradients` those of all but the head's matrix product, which has left d loss / d head_in.normed in
// act.branch: those of matrices overwritten or added, as `matrices` says, all others added. Overwrites parts
// of `act`. `on_ready` may be empty. Enqueues on exec; the caller fences.
template <class Real>
void backward(Exec const& exec, WeightMap const& map, Parameters<Real> const& params, Activations<Real>& act,
              Tensor1<float> gradients, Update matrices, GradientsReady const& on_ready);

}  // namespace atl::model
