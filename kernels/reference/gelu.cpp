#include "kernels/reference/gelu.hpp"

#include <cmath>
#include <numbers>

namespace atl::kernels::reference {
namespace {

double const scale = std::sqrt(2.0 / std::numbers::pi);

double tanh_of(double x) { return std::tanh(scale * (x + 0.044715 * x * x * x)); }

}  // namespace

Values gelu_forward(Input x) {
  Values h(x.size());
  for (std::size_t i = 0; i < x.size(); ++i) h[i] = 0.5 * x[i] * (1.0 + tanh_of(x[i]));
  return h;
}

Values gelu_backward(Input dh, Input x) {
  Values dx(x.size());
  for (std::size_t i = 0; i < x.size(); ++i) {
    double const t = tanh_of(x[i]);
    double const slope = scale * (1.0 + 3.0 * 0.044715 * x[i] * x[i]);
    dx[i] = dh[i] * (0.5 * (1.0 + t) + 0.5 * x[i] * (1.0 - t * t) * slope);
  }
  return dx;
}

}  // namespace atl::kernels::reference
