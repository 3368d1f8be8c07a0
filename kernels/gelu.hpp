// The Gaussian error linear unit in GPT-2's tanh approximation (Hendrycks & Gimpel, arXiv 1606.08415). Every
// output is overwritten (=). Real: float or Bf16; computed in float.
#pragma once

#include "kernels/views.hpp"

namespace atl::kernels {

// h = x/2 (1 + tanh u),  u = sqrt(2/pi) (x + 0.044715 x^3);  both (N, F)
template <class Real>
void gelu_forward(Exec const& exec, Input2<Real> x, Tensor2<Real> h);

// dx (N, F) from dh (N, F), and h once more, so that nobody need keep it. dx may be x, h may be dh.
template <class Real>
void gelu_backward(Exec const& exec, Input2<Real> dh, Input2<Real> x, Tensor2<Real> dx, Tensor2<Real> h);

}  // namespace atl::kernels
