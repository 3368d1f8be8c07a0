#include "optim/clip.hpp"

#include <algorithm>

#include "kernels/reduce.hpp"

namespace atl::optim {

double squared_norm(kernels::Exec const& exec, kernels::Tensor1<float const> gradients,
                    kernels::Scalar<double> room) {
  kernels::sum_of_squares(exec, gradients, room);
  double on_host = 0.0;
  Kokkos::deep_copy(exec, on_host, room);
  exec.fence();
  return on_host;
}

double clip_factor(double norm, double clip_norm) {
  return clip_norm > 0.0 ? std::min(1.0, clip_norm / (norm + 1e-6)) : 1.0;
}

}  // namespace atl::optim
