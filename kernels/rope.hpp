// Rotary position embedding (Su et al., arXiv 2104.09864); pairs (i, i + D/2), as in Hugging Face's Llama.
#pragma once

#include "kernels/views.hpp"

namespace atl::kernels {

// cosine[t,i], sine[t,i] of t * base^(-2i/D), both (T, D/2); computed in double.
void rope_tables(Exec const& exec, double base, Tensor2<float> cosine, Tensor2<float> sine);

// Rotates every head of every row of x (N, heads * D) in place by its position n % context; context <= rows
// of the tables. For a fused qkv buffer pass its query and key columns. Real: float or Bf16.
template <class Real>
void rope_forward(Exec const& exec, Tensor2<float const> cosine, Tensor2<float const> sine,
                  std::size_t context, Tensor2<Real> x);

// The inverse rotation, of gradients, in place.
template <class Real>
void rope_backward(Exec const& exec, Tensor2<float const> cosine, Tensor2<float const> sine,
                   std::size_t context, Tensor2<Real> dx);

}  // namespace atl::kernels
