#include "kernels/optimizer.hpp"

#include <cmath>

#include "kernels/loops.hpp"

namespace atl::kernels {

void adamw_update(Exec const& exec, Tensor1<float const> grad, AdamwStep const& step, Tensor1<float> param,
                  Tensor1<float> moment1, Tensor1<float> moment2) {
  // In double up to here: 1 - 0.999F would already be off by 1e-5.
  auto const grad_scale = static_cast<float>(step.grad_scale);
  auto const beta1 = static_cast<float>(step.beta1);
  auto const beta2 = static_cast<float>(step.beta2);
  auto const rest1 = static_cast<float>(1.0 - step.beta1);
  auto const rest2 = static_cast<float>(1.0 - step.beta2);
  auto const keep = static_cast<float>(1.0 - step.lr * step.weight_decay);
  auto const rate = static_cast<float>(step.lr / step.bias_correction1);
  auto const inv_correction2 = static_cast<float>(1.0 / step.bias_correction2);
  auto const eps = static_cast<float>(step.eps);
  moves(grad, param, param, moment1, moment1, moment2, moment2);
  float const* const g = grad.data();
  float* const p = param.data();
  float* const m = moment1.data();
  float* const v = moment2.data();
  for_elements(
      exec, "adamw_update", grad.extent(0), KOKKOS_LAMBDA(std::size_t i) {
        float const scaled = grad_scale * g[i];
        m[i] = beta1 * m[i] + rest1 * scaled;
        v[i] = beta2 * v[i] + rest2 * scaled * scaled;
        p[i] = keep * p[i] - rate * m[i] / (std::sqrt(v[i] * inv_correction2) + eps);
      });
}

void sgd_update(Exec const& exec, Tensor1<float const> grad, SgdStep const& step, Tensor1<float> param) {
  auto const keep = static_cast<float>(1.0 - step.lr * step.weight_decay);
  auto const rate = static_cast<float>(step.lr * step.grad_scale);
  moves(grad, param, param);
  float const* const g = grad.data();
  float* const p = param.data();
  for_elements(
      exec, "sgd_update", grad.extent(0), KOKKOS_LAMBDA(std::size_t i) { p[i] = keep * p[i] - rate * g[i]; });
}

void momentum_update(Exec const& exec, Tensor1<float const> grad, MomentumStep const& step,
                     Tensor1<float> buffer) {
  auto const keep = static_cast<float>(step.momentum);
  auto const grad_scale = static_cast<float>(step.grad_scale);
  moves(grad, buffer, buffer);
  float const* const g = grad.data();
  float* const m = buffer.data();
  for_elements(
      exec, "momentum_update", grad.extent(0),
      KOKKOS_LAMBDA(std::size_t i) { m[i] = keep * m[i] + grad_scale * g[i]; });
}

void nesterov_update(Exec const& exec, Tensor1<float const> grad, MomentumStep const& step,
                     Tensor1<float> buffer, Tensor1<float> ahead) {
  auto const keep = static_cast<float>(step.momentum);
  auto const grad_scale = static_cast<float>(step.grad_scale);
  moves(grad, buffer, buffer, ahead);
  float const* const g = grad.data();
  float* const m = buffer.data();
  float* const to = ahead.data();
  for_elements(
      exec, "nesterov_update", grad.extent(0), KOKKOS_LAMBDA(std::size_t i) {
        float const scaled = grad_scale * g[i];
        m[i] = keep * m[i] + scaled;
        to[i] = scaled + keep * m[i];
      });
}

}  // namespace atl::kernels
