// Twin of kernels/cross_entropy.hpp.
#pragma once

#include "kernels/reference/values.hpp"

namespace atl::kernels::reference {

Values cross_entropy_forward(Input logits, Tokens targets);                 // loss of each row
Values cross_entropy_backward(Input logits, Tokens targets, double scale);  // dlogits

}  // namespace atl::kernels::reference
