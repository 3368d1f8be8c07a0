#include "kernels/reference/rope.hpp"

#include <cmath>
#include <complex>

namespace atl::kernels::reference {
namespace {

// The pair (i, i + D/2) as one complex number, times e^(i angle).
Values rotate(Input x, RopeShape const& shape, double base, double direction) {
  Values y(x.begin(), x.end());
  std::size_t const half = shape.head_dim / 2;
  std::size_t const all_heads = x.size() / shape.head_dim;
  for (std::size_t head = 0; head < all_heads; ++head) {
    std::size_t const position = head / shape.heads % shape.context;
    for (std::size_t i = 0; i < half; ++i) {
      double const frequency =
          std::pow(base, -2.0 * static_cast<double>(i) / static_cast<double>(shape.head_dim));
      std::size_t const low = head * shape.head_dim + i;
      std::complex<double> const turned =
          std::complex<double>(x[low], x[low + half]) *
          std::polar(1.0, direction * static_cast<double>(position) * frequency);
      y[low] = turned.real();
      y[low + half] = turned.imag();
    }
  }
  return y;
}

}  // namespace

Values rope_forward(Input x, RopeShape const& shape, double base) { return rotate(x, shape, base, 1.0); }

Values rope_backward(Input dy, RopeShape const& shape, double base) { return rotate(dy, shape, base, -1.0); }

}  // namespace atl::kernels::reference
