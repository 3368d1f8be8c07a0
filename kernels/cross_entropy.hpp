// Softmax and negative log-likelihood of one chunk of rows, so that the logits of a whole batch need not
// exist. Every output is overwritten (=).
#pragma once

#include "kernels/views.hpp"

namespace atl::kernels {

// loss[n] = log sum_v exp(logits[n,v]) - logits[n,targets[n]], in nats; 0 where targets[n] = -1 (ignored).
// Targets are -1 or in [0, V): the caller has checked.
void cross_entropy_forward(Exec const& exec, Tensor2<float const> logits, Tensor1<std::int32_t const> targets,
                           Tensor1<float> loss);

// The same loss, and dlogits[n,v] = scale * (softmax(logits[n,:])[v] - [v = targets[n]]), 0 in ignored rows;
// for a mean, scale = 1 / rows counted. Destroys the logits; dlogits may be logits. Real: float or Bf16.
template <class Real>
void cross_entropy_forward_backward(Exec const& exec, Tensor1<std::int32_t const> targets, float scale,
                                    Tensor2<float> logits, Tensor2<Real> dlogits, Tensor1<float> loss);

}  // namespace atl::kernels
