// Vectors added to rows in turn: one to every row is a bias, one to each position of a sequence is GPT-2's
// learned positions. Both directions accumulate (+=).
// Real: float or Bf16; biases and their gradients are floats.
#pragma once

#include "kernels/bf16.hpp"
#include "kernels/views.hpp"

namespace atl::kernels {

// y[n,m] += bias[n % P, m]; bias (P, M), y (N, M).
template <class Real>
void bias_forward(Exec const& exec, Tensor2<float const> bias, Tensor2<Real> y);

// dbias[p,m] += sum of dy[n,m] over all n with n % P = p; in double, in the order of n.
void bias_backward(Exec const& exec, Tensor2<float const> dy, Tensor2<float> dbias);
void bias_backward(Exec const& exec, Tensor2<Bf16 const> dy, Tensor2<float> dbias);

}  // namespace atl::kernels
