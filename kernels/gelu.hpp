// The Gaussian error linear unit in GPT-2's tanh approximation (Hendrycks & Gimpel, arXiv 1606.08415). Every
// output is overwritten (=).
#pragma once

#include "kernels/views.hpp"

namespace atl::kernels {

// h = x/2 (1 + tanh u),  u = sqrt(2/pi) (x + 0.044715 x^3);  both (N, F)
void gelu_forward(Exec const& exec, Tensor2<float const> x, Tensor2<float> h);

// dx (N, F) from dh (N, F); dx may be x.
void gelu_backward(Exec const& exec, Tensor2<float const> dh, Tensor2<float const> x, Tensor2<float> dx);

}  // namespace atl::kernels
