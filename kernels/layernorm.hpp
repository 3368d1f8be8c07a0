// Layer norm (Ba, Kiros & Hinton, arXiv 1607.06450), alone and after a fused residual sum. Backward: dx as
// asked (= or +=), dweight and dbias accumulate (+=). Sums over C in fp32, over N in double, in fixed order.
// Real: float or Bf16.
#pragma once

#include "kernels/views.hpp"

namespace atl::kernels {

// y[n,c] = (x[n,c] - mean[n]) * inv_std[n] * weight[c] + bias[c];
// mean[n] = mean_c x;  inv_std[n] = 1/sqrt(mean_c (x - mean)^2 + eps)
template <class Real>
void layernorm_forward(Exec const& exec, Tensor2<float const> x, Tensor1<float const> weight,
                       Tensor1<float const> bias, float eps, Tensor2<Real> y, Tensor1<float> mean,
                       Tensor1<float> inv_std);

// sum = x + branch;  y, mean, inv_std as above, of sum. `sum` may be `x` or `branch`.
// The gradient of sum goes to x and to branch alike.
template <class Real>
void residual_layernorm_forward(Exec const& exec, Tensor2<float const> x, Tensor2<float const> branch,
                                Tensor1<float const> weight, Tensor1<float const> bias, float eps,
                                Tensor2<float> sum, Tensor2<Real> y, Tensor1<float> mean,
                                Tensor1<float> inv_std);

// With xhat = (x - mean) inv_std and g = dy weight:
// dx[n,c] (+)= inv_std[n] * (g[n,c] - mean_c(g) - xhat[n,c] * mean_c(g xhat));
// dweight[c] += sum_n dy[n,c] xhat[n,c];  dbias[c] += sum_n dy[n,c].  dx may be dy.
void layernorm_backward(Exec const& exec, Tensor2<float const> dy, Tensor2<float const> x,
                        Tensor1<float const> weight, Tensor1<float const> mean, Tensor1<float const> inv_std,
                        Update update, Tensor2<float> dx, Tensor1<float> dweight, Tensor1<float> dbias);

}  // namespace atl::kernels
