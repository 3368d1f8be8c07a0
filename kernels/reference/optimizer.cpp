#include "kernels/reference/optimizer.hpp"

#include <cmath>

namespace atl::kernels::reference {

void adamw_update(Input grad, AdamwStep const& step, AdamwState& state) {
  for (std::size_t i = 0; i < grad.size(); ++i) {
    double const g = step.grad_scale * grad[i];
    double& m = state.moment1[i];
    double& v = state.moment2[i];
    m = step.beta1 * m + (1.0 - step.beta1) * g;
    v = step.beta2 * v + (1.0 - step.beta2) * g * g;
    state.param[i] -= step.lr * step.weight_decay * state.param[i];
    state.param[i] -=
        step.lr * (m / step.bias_correction1) / (std::sqrt(v / step.bias_correction2) + step.eps);
  }
}

void sgd_update(Input grad, SgdStep const& step, Values& param) {
  for (std::size_t i = 0; i < grad.size(); ++i) {
    param[i] -= step.lr * (step.weight_decay * param[i] + step.grad_scale * grad[i]);
  }
}

void momentum_update(Input grad, MomentumStep const& step, Values& buffer) {
  for (std::size_t i = 0; i < grad.size(); ++i) {
    buffer[i] = step.momentum * buffer[i] + step.grad_scale * grad[i];
  }
}

Values nesterov_update(Input grad, MomentumStep const& step, Values& buffer) {
  momentum_update(grad, step, buffer);
  Values ahead(grad.size());
  for (std::size_t i = 0; i < grad.size(); ++i) {
    ahead[i] = step.grad_scale * grad[i] + step.momentum * buffer[i];
  }
  return ahead;
}

}  // namespace atl::kernels::reference
