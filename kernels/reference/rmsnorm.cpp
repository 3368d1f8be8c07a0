#include "kernels/reference/rmsnorm.hpp"

#include <cmath>

namespace atl::kernels::reference {

RmsnormOutput rmsnorm_forward(Input x, Input weight, double eps) {
  std::size_t const width = weight.size();
  std::size_t const count = x.size() / width;
  RmsnormOutput out{Values(x.size()), Values(count)};
  for (std::size_t n = 0; n < count; ++n) {
    double squares = 0.0;
    for (std::size_t c = 0; c < width; ++c) squares += x[n * width + c] * x[n * width + c];
    out.inv_rms[n] = 1.0 / std::sqrt(squares / static_cast<double>(width) + eps);
    for (std::size_t c = 0; c < width; ++c)
      out.y[n * width + c] = x[n * width + c] * out.inv_rms[n] * weight[c];
  }
  return out;
}

// With r = inv_rms: dy_j/dx_c = weight_j (r [j = c] - x_j x_c r^3 / width).
RmsnormGradients rmsnorm_backward(Input dy, Input x, Input weight, double eps) {
  std::size_t const width = weight.size();
  Values const inv_rms = rmsnorm_forward(x, weight, eps).inv_rms;
  RmsnormGradients out{Values(x.size()), Values(width, 0.0)};
  for (std::size_t n = 0; n < inv_rms.size(); ++n) {
    double const r = inv_rms[n];
    for (std::size_t c = 0; c < width; ++c) {
      std::size_t const here = n * width + c;
      double through_norm = 0.0;
      for (std::size_t j = 0; j < width; ++j)
        through_norm += dy[n * width + j] * weight[j] * x[n * width + j];
      out.dx[here] =
          dy[here] * weight[c] * r - through_norm * x[here] * r * r * r / static_cast<double>(width);
      out.dweight[c] += dy[here] * x[here] * r;
    }
  }
  return out;
}

}  // namespace atl::kernels::reference
