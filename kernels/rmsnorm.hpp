// Root-mean-square norm (Zhang & Sennrich, arXiv 1910.07467), alone and after a fused residual sum. Backward:
// dx as asked (= or +=), dweight accumulates (+=). Sums over C in fp32, over N in double, in a fixed order.
// Real: float or Bf16.
#pragma once

#include "kernels/views.hpp"

namespace atl::kernels {

// y[n,c] = x[n,c] * inv_rms[n] * weight[c];  inv_rms[n] = 1/sqrt(mean_c x^2 + eps)
template <class Real>
void rmsnorm_forward(Exec const& exec, Tensor2<float const> x, Tensor1<float const> weight, float eps,
                     Tensor2<Real> y, Tensor1<float> inv_rms);

// sum = x + branch;  y, inv_rms as above, of sum. `sum` may be `x` or `branch`.
// The gradient of sum goes to x and to branch alike.
template <class Real>
void residual_rmsnorm_forward(Exec const& exec, Tensor2<float const> x, Tensor2<float const> branch,
                              Tensor1<float const> weight, float eps, Tensor2<float> sum, Tensor2<Real> y,
                              Tensor1<float> inv_rms);

// dx[n,c] (+)= inv_rms[n] * (dy[n,c] weight[c] - xhat[n,c] * mean_c(dy weight xhat)),  xhat = x inv_rms;
// dweight[c] += sum_n dy[n,c] xhat[n,c].  dx may be dy.
void rmsnorm_backward(Exec const& exec, Tensor2<float const> dy, Tensor2<float const> x,
                      Tensor1<float const> weight, Tensor1<float const> inv_rms, Update update,
                      Tensor2<float> dx, Tensor1<float> dweight);

}  // namespace atl::kernels
