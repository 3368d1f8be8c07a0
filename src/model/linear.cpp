#include "model/linear.hpp"

#include "kernels/bias.hpp"
#include "kernels/matmul.hpp"

namespace atl::model {

namespace {

template <class T>
Tensor2<T> one_row(Tensor1<T> const& vector) {
  return Tensor2<T>(vector.data(), 1, vector.extent(0));
}

}  // namespace

void linear_forward(Exec const& exec, Tensor2<float const> const& x, Linear<float const> const& weights,
                    Tensor2<float> const& y) {
  kernels::matmul_nt(exec, x, weights.weight, Update::overwrite, y);
  if (weights.bias.size() > 0) kernels::bias_forward(exec, one_row(weights.bias), y);
}

void linear_backward(Exec const& exec, Tensor2<float const> const& dy, Tensor2<float const> const& x,
                     Linear<float const> const& weights, Update update, Tensor2<float> const& dx,
                     Linear<float> const& gradients) {
  kernels::matmul_tn(exec, dy, x, Update::add, gradients.weight);
  if (gradients.bias.size() > 0) kernels::bias_backward(exec, dy, one_row(gradients.bias));
  kernels::matmul_nn(exec, dy, weights.weight, update, dx);
}

}  // namespace atl::model
