// Twin of kernels/gelu.hpp.
#pragma once

#include "kernels/reference/values.hpp"

namespace atl::kernels::reference {

Values gelu_forward(Input x);
Values gelu_backward(Input dh, Input x);  // dx

}  // namespace atl::kernels::reference
