// Gradient clipping by global norm, in two halves: in between, a site adds up the squares of its ranks.
#pragma once

#include "kernels/views.hpp"

namespace atl::optim {

// Sum of the squares of this process's gradients, in double; not finite if any of them is not.
// `room` is for the sum on a device. Local; waits for exec.
double squared_norm(kernels::Exec const& exec, kernels::Tensor1<float const> gradients,
                    kernels::Scalar<double> room);

// What gradients of this norm are multiplied with so that their norm does not exceed `clip_norm` (0: no
// limit): min(1, clip_norm / (norm + 1e-6)), as torch.nn.utils.clip_grad_norm_.
double clip_factor(double norm, double clip_norm);

}  // namespace atl::optim
