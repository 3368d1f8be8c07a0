// Causal attention on NVIDIA GPUs from sm_80 on: what kernels/attention.hpp computes, of plain pointers into
// device memory.
//
// FlashAttention-2 (arXiv 2307.08691): a block of threads goes along the keys of its queries with an online
// softmax; backward, one kernel gathers dK and dV block of keys by block of keys and another dQ block of
// queries by block of queries, so that every sum has one owner and one order: no atomics, the same bits in
// every run. bf16 is multiplied by tensor cores with sums of floats, probabilities and score gradients being
// rounded to bf16 before they are multiplied; floats by plain FMA.
//
// head_dim up to 128; it is computed as 32, 64 or 128, whichever is next, and copied fastest where it is a
// multiple of 8 (floats: 4) and all pointers are aligned to 16 bytes. Everything is enqueued on the stream;
// nothing is allocated. Throws std::runtime_error where the shape is not computed here or a kernel cannot be
// started.
#pragma once

#include <cstddef>
#include <cstdint>

#include "kernels/attention_shape.hpp"

struct CUstream_st;  // as CUDA declares its streams, whose headers the host's sources do without

namespace atl::kernels::cuda {

using Stream = CUstream_st*;     // cudaStream_t
using Bf16Bits = std::uint16_t;  // the upper half of a float

// Real: float or Bf16Bits.
template <class Real>
struct AttentionForward {
  Real const* qkv;  // (N, (H + 2G) D): queries, then keys, then values, head by head
  Real* out;        // (N, H D)
  float* lse;       // (B, H, T)
};
template <class Real>
void attention_forward(Stream stream, AttentionShape const& shape, AttentionForward<Real> const& operands);

template <class Real>
struct AttentionBackward {
  Real const* dout;  // (N, H D)
  Real const* qkv;
  Real const* out;
  float const* lse;
  float* workspace;  // attention_workspace_size(shape) floats
  Real* dqkv;        // (N, (H + 2G) D), in the order of qkv
};
template <class Real>
void attention_backward(Stream stream, AttentionShape const& shape, AttentionBackward<Real> const& operands);

// Of the backward; the forward needs none.
std::size_t attention_workspace_size(AttentionShape const& shape);

}  // namespace atl::kernels::cuda
