// Twin of kernels/layernorm.hpp.
#pragma once

#include "kernels/reference/values.hpp"

namespace atl::kernels::reference {

struct LayernormOutput {
  Values y, mean, inv_std;
};
LayernormOutput layernorm_forward(Input x, Input weight, Input bias, double eps);

struct LayernormGradients {
  Values dx, dweight, dbias;
};
LayernormGradients layernorm_backward(Input dy, Input x, Input weight, double eps);

}  // namespace atl::kernels::reference
