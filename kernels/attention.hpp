// Causal attention with grouped queries, in blocks with online softmax (FlashAttention-2, arXiv 2307.08691):
// no T x T matrix is kept, only the log-sum-exp of each row. Every output is overwritten (=).
#pragma once

#include "kernels/attention_shape.hpp"
#include "kernels/views.hpp"

namespace atl::kernels {

// Floats that `workspace` of both functions must hold. Real: float or Bf16, of queries, keys, values and
// probabilities; scores and all sums are floats.
template <class Real>
std::size_t attention_workspace_size(AttentionShape const& shape);

// qkv (N, (H + 2G) D): queries, then keys, then values, head by head; out (N, H D); lse (B, H, T), for the
// backward.
template <class Real>
void attention_forward(Exec const& exec, Input2<Real> qkv, AttentionShape const& shape,
                       Tensor1<float> workspace, Tensor2<Real> out, Tensor3<float> lse);

// dqkv (N, (H + 2G) D) in the order of qkv; scores are computed again, block by block.
template <class Real>
void attention_backward(Exec const& exec, Input2<Real> dout, Input2<Real> qkv, Input2<Real> out,
                        Tensor3<float const> lse, AttentionShape const& shape, Tensor1<float> workspace,
                        Tensor2<Real> dqkv);

}  // namespace atl::kernels
