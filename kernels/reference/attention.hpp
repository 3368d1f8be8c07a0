// Twin of kernels/attention.hpp, with the whole T x T matrix.
#pragma once

#include "kernels/attention.hpp"
#include "kernels/reference/values.hpp"

namespace atl::kernels::reference {

struct AttentionOutput {
  Values out, lse;
};
AttentionOutput attention_forward(Input qkv, AttentionShape const& shape);

Values attention_backward(Input dout, Input qkv, AttentionShape const& shape);  // dqkv

}  // namespace atl::kernels::reference
