// Twin of kernels/swiglu.hpp.
#pragma once

#include "kernels/reference/values.hpp"

namespace atl::kernels::reference {

Values swiglu_forward(Input gate_up, std::size_t width);             // h (N, width)
Values swiglu_backward(Input dh, Input gate_up, std::size_t width);  // dgate_up (N, 2 width)

}  // namespace atl::kernels::reference
