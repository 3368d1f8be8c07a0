// The extents of an attention; what host and device kernels share.
#pragma once

#include <cstddef>

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

}  // namespace atl::kernels
