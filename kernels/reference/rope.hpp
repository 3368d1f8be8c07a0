// Twin of kernels/rope.hpp.
#pragma once

#include "kernels/reference/values.hpp"

namespace atl::kernels::reference {

struct RopeShape {
  std::size_t context = 0, heads = 0, head_dim = 0;
};

// x (N, heads * head_dim), row n at position n % context.
Values rope_forward(Input x, RopeShape const& shape, double base);
Values rope_backward(Input dy, RopeShape const& shape, double base);

}  // namespace atl::kernels::reference
