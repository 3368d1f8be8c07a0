#include "model/norm.hpp"

#include "kernels/layernorm.hpp"
#include "kernels/rmsnorm.hpp"

namespace atl::model {

namespace {

template <class T>
bool is_layernorm(Norm<T> const& norm) {
  return norm.bias.size() > 0;
}

}  // namespace

template <class Real>
void norm_forward(Exec const& exec, Norm<float const> const& weights, float eps,
                  NormedStream<Real> const& stream) {
  if (is_layernorm(weights)) {
    kernels::layernorm_forward(exec, stream.x, weights.weight, weights.bias, eps, stream.normed, stream.mean,
                               stream.inv_deviation);
  } else {
    kernels::rmsnorm_forward(exec, stream.x, weights.weight, eps, stream.normed, stream.inv_deviation);
  }
}

template <class Real>
void residual_norm_forward(Exec const& exec, Tensor2<float const> const& x,
                           Tensor2<float const> const& branch, Norm<float const> const& weights, float eps,
                           NormedStream<Real> const& next) {
  if (is_layernorm(weights)) {
    kernels::residual_layernorm_forward(exec, x, branch, weights.weight, weights.bias, eps, next.x,
                                        next.normed, next.mean, next.inv_deviation);
  } else {
    kernels::residual_rmsnorm_forward(exec, x, branch, weights.weight, eps, next.x, next.normed,
                                      next.inv_deviation);
  }
}

template <class Real>
void norm_backward(Exec const& exec, Tensor2<float const> const& dy, NormedStream<Real> const& stream,
                   Norm<float const> const& weights, Update update, Tensor2<float> const& dx,
                   Norm<float> const& gradients) {
  if (is_layernorm(weights)) {
    kernels::layernorm_backward(exec, dy, stream.x, weights.weight, stream.mean, stream.inv_deviation, update,
                                dx, gradients.weight, gradients.bias);
  } else {
    kernels::rmsnorm_backward(exec, dy, stream.x, weights.weight, stream.inv_deviation, update, dx,
                              gradients.weight);
  }
}

template void norm_forward(Exec const&, Norm<float const> const&, float, NormedStream<float> const&);
template void residual_norm_forward(Exec const&, Tensor2<float const> const&, Tensor2<float const> const&,
                                    Norm<float const> const&, float, NormedStream<float> const&);
template void norm_backward(Exec const&, Tensor2<float const> const&, NormedStream<float> const&,
                            Norm<float const> const&, Update, Tensor2<float> const&, Norm<float> const&);
template void norm_forward(Exec const&, Norm<float const> const&, float, NormedStream<Bf16> const&);
template void residual_norm_forward(Exec const&, Tensor2<float const> const&, Tensor2<float const> const&,
                                    Norm<float const> const&, float, NormedStream<Bf16> const&);
template void norm_backward(Exec const&, Tensor2<float const> const&, NormedStream<Bf16> const&,
                            Norm<float const> const&, Update, Tensor2<float> const&, Norm<float> const&);

}  // namespace atl::model
