// A linear layer, with or without a bias. Its matrix is of the number type of its input.
#pragma once

#include "kernels/bias.hpp"
#include "kernels/matmul.hpp"
#include "model/weights.hpp"

namespace atl::model {

template <class T>
Tensor2<T> one_row(Tensor1<T> const& vector) {
  return Tensor2<T>(vector.data(), 1, vector.extent(0));
}

// y = x W^T + b. Enqueues on exec; the caller fences.
template <class Real, class Out>
void linear_forward(Exec const& exec, Input2<Real> const& x, Linear<float const, Real const> const& weights,
                    Tensor2<Out> const& y) {
  if (weights.bias.size() == 0) return kernels::matmul_nt(exec, x, weights.weight, Update::overwrite, y);
  void const* like_y = weights.bias.data();
  if constexpr (std::is_same_v<Out, Bf16>) like_y = weights.narrow_bias.data();
  if (!kernels::matmul_nt_bias(exec, x, weights.weight, like_y, y))
    kernels::bias_forward(exec, one_row(weights.bias), y);
}

// Where the gradients of a linear layer go: dW (=, +=), db +=.
struct LinearGradients {
  Linear<float> to;
  Update update;
};

// dW = dy^T x; db: sum over the rows of dy. Enqueues on exec; the caller fences.
template <class Real>
void linear_gradients(Exec const& exec, Input2<Real> const& dy, Input2<Real> const& x,
                      LinearGradients const& gradients) {
  kernels::matmul_tn(exec, dy, x, gradients.update, gradients.to.weight);
  if (gradients.to.bias.size() > 0) kernels::bias_backward(exec, dy, one_row(gradients.to.bias));
}

// The same, and dx (=, +=) dy W. Enqueues on exec; the caller fences.
template <class Real, class Out>
void linear_backward(Exec const& exec, Input2<Real> const& dy, Input2<Real> const& x,
                     Linear<float const, Real const> const& weights, Update update, Tensor2<Out> const& dx,
                     LinearGradients const& gradients) {
  linear_gradients<Real>(exec, dy, x, gradients);
  kernels::matmul_nn(exec, dy, weights.weight, update, dx);
}

}  // namespace atl::model
