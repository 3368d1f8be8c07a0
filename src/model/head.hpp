// The head: from the last residual stream to logits and losses, a chunk of rows at a time.
#pragma once

#include <span>

#include "model/activations.hpp"

namespace atl::model {

// act.losses[n] from act.head_in.normed and act.targets; `head` is (V, C).
// Enqueues on exec; the caller fences.
template <class Real>
void head_losses(Exec const& exec, Input2<Real> const& head, Activations<Real> const& act);

// The same, and scale * d(sum of losses): to `dhead` (=, +=), and for head_in.normed in act.branch. A chunk's
// logits become their own gradient before the next chunk's are computed. Enqueues on exec; the caller fences.
template <class Real>
void head_losses_backward(Exec const& exec, Input2<Real> const& head, float scale,
                          Activations<Real> const& act, Update update, Tensor2<float> dhead);

// Logits at the last position of each sequence, (B, V), to host memory. Waits for exec.
template <class Real>
void last_logits(Exec const& exec, Input2<Real> const& head, Activations<Real> const& act,
                 std::span<float> out);

}  // namespace atl::model
