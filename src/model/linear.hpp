// A linear layer, with or without a bias.
#pragma once

#include "model/weights.hpp"

namespace atl::model {

// y = x W^T + b. Enqueues on exec; the caller fences.
void linear_forward(Exec const& exec, Tensor2<float const> const& x, Linear<float const> const& weights,
                    Tensor2<float> const& y);

// dx (=, +=) dy W; dW += dy^T x; db += sum over the rows of dy. Enqueues on exec; the caller fences.
void linear_backward(Exec const& exec, Tensor2<float const> const& dy, Tensor2<float const> const& x,
                     Linear<float const> const& weights, Update update, Tensor2<float> const& dx,
                     Linear<float> const& gradients);

}  // namespace atl::model
