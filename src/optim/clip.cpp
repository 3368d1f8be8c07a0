#include "optim/clip.hpp"

#include <algorithm>

#include "kernels/reduce.hpp"

namespace atoll::optim {

double squared_norm(kernels::Exec const& exec, kernels::Tensor1<float const> gradients) {
  double result = 0.0;
  kernels::sum_of_squares(exec, gradients, kernels::Scalar<double>(&result));
  exec.fence("the gradient norm on the host");
  return result;
}

double clip_factor(double norm, double clip_norm) {
  return clip_norm > 0.0 ? std::min(1.0, clip_norm / (norm + 1e-6)) : 1.0;
}

}  // namespace atoll::optim
