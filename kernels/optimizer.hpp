// Inner optimizers: passes over a range of the flat parameters, changing them and their moments in place.
// Weight decay is decoupled: one call per range that decays, one with weight_decay = 0 per other range.
#pragma once

#include "kernels/views.hpp"

namespace atl::kernels {

// AdamW (Loshchilov & Hutter, arXiv 1711.05101), as PyTorch computes it.
struct AdamwStep {
  double lr = 0.0;
  double beta1 = 0.9;
  double beta2 = 0.95;
  double eps = 1e-8;
  double weight_decay = 0.0;
  double bias_correction1 = 1.0;  // 1 - beta1^t
  double bias_correction2 = 1.0;  // 1 - beta2^t
  double grad_scale = 1.0;        // multiplies the gradient first: clipping, averaging
};

// g = grad_scale * grad;  m = beta1 m + (1-beta1) g;  v = beta2 v + (1-beta2) g^2;
// param = param (1 - lr weight_decay) - lr (m / bias_correction1) / (sqrt(v / bias_correction2) + eps)
void adamw_update(Exec const& exec, Tensor1<float const> grad, AdamwStep const& step, Tensor1<float> param,
                  Tensor1<float> moment1, Tensor1<float> moment2);

struct SgdStep {
  double lr = 0.0;
  double weight_decay = 0.0;
  double grad_scale = 1.0;
};

// param = param (1 - lr weight_decay) - lr grad_scale grad
void sgd_update(Exec const& exec, Tensor1<float const> grad, SgdStep const& step, Tensor1<float> param);

struct MomentumStep {
  double momentum = 0.0;
  double grad_scale = 1.0;
};

// buffer = momentum buffer + grad_scale grad: the heavy ball, as torch.optim.SGD.
void momentum_update(Exec const& exec, Tensor1<float const> grad, MomentumStep const& step,
                     Tensor1<float> buffer);

// The same, and Nesterov's look ahead: ahead = grad_scale grad + momentum buffer, with the new buffer.
void nesterov_update(Exec const& exec, Tensor1<float const> grad, MomentumStep const& step,
                     Tensor1<float> buffer, Tensor1<float> ahead);

}  // namespace atl::kernels
