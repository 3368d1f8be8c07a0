// Twin of kernels/bias.hpp.
#pragma once

#include "kernels/reference/values.hpp"

namespace atl::kernels::reference {

Values bias_forward(Input y, Input bias);          // y + bias
Values bias_backward(Input dy, std::size_t size);  // dbias, of that size

}  // namespace atl::kernels::reference
