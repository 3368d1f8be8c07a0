// Twin of kernels/rmsnorm.hpp.
#pragma once

#include "kernels/reference/values.hpp"

namespace atl::kernels::reference {

struct RmsnormOutput {
  Values y, inv_rms;
};
RmsnormOutput rmsnorm_forward(Input x, Input weight, double eps);

struct RmsnormGradients {
  Values dx, dweight;
};
RmsnormGradients rmsnorm_backward(Input dy, Input x, Input weight, double eps);

}  // namespace atl::kernels::reference
