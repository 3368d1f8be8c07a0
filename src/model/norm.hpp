// The norm where the residual stream is read: a LayerNorm where the weights have a bias, else a
// root-mean-square norm.
#pragma once

#include "model/activations.hpp"
#include "model/weights.hpp"

namespace atl::model {

// From stream.x to the rest of it. Enqueues on exec; the caller fences.
template <class Real>
void norm_forward(Exec const& exec, Norm<float const> const& weights, float eps,
                  NormedStream<Real> const& stream);

// The same of next.x = x + branch; to the last bit what norm_forward makes of that sum.
template <class Real>
void residual_norm_forward(Exec const& exec, Tensor2<float const> const& x,
                           Tensor2<float const> const& branch, Norm<float const> const& weights, float eps,
                           NormedStream<Real> const& next);

// dx (=, +=), d loss / d stream.x, from dy, d loss / d stream.normed; adds to the gradients of the weights.
template <class Real>
void norm_backward(Exec const& exec, Tensor2<float const> const& dy, NormedStream<Real> const& stream,
                   Norm<float const> const& weights, Update update, Tensor2<float> const& dx,
                   Norm<float> const& gradients);

}  // namespace atl::model
