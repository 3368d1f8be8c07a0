// Causal attention with grouped queries, in blocks with online softmax (FlashAttention-2, arXiv 2307.08691):
// no T x T matrix is kept, only the log-sum-exp of each row. Every output is overwritten (=).
#pragma once

#include "kernels/views.hpp"

namespace atl::kernels {

// Query head h reads key/value head h / (heads / kv_heads). Scores are scaled by 1/sqrt(head_dim).
struct AttentionShape {
  std::size_t batch = 0;     // B
  std::size_t context = 0;   // T
  std::size_t heads = 0;     // H
  std::size_t kv_heads = 0;  // G, divides H
  std::size_t head_dim = 0;  // D

  std::size_t qkv_width() const { return (heads + 2 * kv_heads) * head_dim; }  // columns of the fused buffer
};

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
