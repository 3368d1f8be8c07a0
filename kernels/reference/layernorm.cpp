#include "kernels/reference/layernorm.hpp"

#include <cmath>

namespace atl::kernels::reference {

LayernormOutput layernorm_forward(Input x, Input weight, Input bias, double eps) {
  std::size_t const width = weight.size();
  std::size_t const count = x.size() / width;
  LayernormOutput out{Values(x.size()), Values(count, 0.0), Values(count)};
  for (std::size_t n = 0; n < count; ++n) {
    Input const row = x.subspan(n * width, width);
    double variance = 0.0;
    for (double const value : row) out.mean[n] += value / static_cast<double>(width);
    for (double const value : row)
      variance += (value - out.mean[n]) * (value - out.mean[n]) / static_cast<double>(width);
    out.inv_std[n] = 1.0 / std::sqrt(variance + eps);
    for (std::size_t c = 0; c < width; ++c)
      out.y[n * width + c] = (row[c] - out.mean[n]) * out.inv_std[n] * weight[c] + bias[c];
  }
  return out;
}

// With r = inv_std and xhat = (x - mean) r:
// dy_j/dx_c = weight_j r ([j = c] - 1/width - xhat_j xhat_c / width).
LayernormGradients layernorm_backward(Input dy, Input x, Input weight, double eps) {
  std::size_t const width = weight.size();
  auto const [plain, mean, inv_std] = layernorm_forward(x, weight, Values(width, 0.0), eps);
  LayernormGradients out{Values(x.size()), Values(width, 0.0), Values(width, 0.0)};
  for (std::size_t n = 0; n < mean.size(); ++n) {
    auto const xhat = [&](std::size_t c) { return (x[n * width + c] - mean[n]) * inv_std[n]; };
    for (std::size_t c = 0; c < width; ++c) {
      double through_moments = 0.0;
      for (std::size_t j = 0; j < width; ++j)
        through_moments += dy[n * width + j] * weight[j] * (1.0 + xhat(j) * xhat(c));
      std::size_t const here = n * width + c;
      out.dx[here] = inv_std[n] * (dy[here] * weight[c] - through_moments / static_cast<double>(width));
      out.dweight[c] += dy[here] * xhat(c);
      out.dbias[c] += dy[here];
    }
  }
  return out;
}

}  // namespace atl::kernels::reference
