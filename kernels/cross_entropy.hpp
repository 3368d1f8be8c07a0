// Softmax and negative log-likelihood of one chunk of rows, so that the logits of a whole batch need not
// exist. Every output is overwritten (=).
#pragma once

#include "kernels/views.hpp"

namespace atl::kernels {

// loss[n] = log sum_v exp(logits[n,v]) - logits[n,targets[n]], in nats; 0 where targets[n] = -1 (ignored).
// Targets are -1 or in [0, V): the caller has checked.
void cross_entropy_forward(Exec const& exec, Tensor2<float const> logits, Tensor1<std::int32_t const> targets,
                           Tensor1<float> loss);

// The same loss, and the gradient in the place of the logits: logits[n,v] becomes
// scale * (softmax(logits[n,:])[v] - [v = targets[n]]), 0 in ignored rows. For a mean, scale = 1 / rows
// counted.
void cross_entropy_forward_backward(Exec const& exec, Tensor1<std::int32_t const> targets, float scale,
                                    Tensor2<float> logits, Tensor1<float> loss);

}  // namespace atl::kernels
