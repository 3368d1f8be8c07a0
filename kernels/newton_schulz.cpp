#include "kernels/newton_schulz.hpp"

#include <algorithm>
#include <cmath>
#include <stdexcept>
#include <utility>

#include "kernels/loops.hpp"
#include "kernels/matmul.hpp"

namespace atl::kernels {
namespace {

constexpr int steps = 5;  // an odd number: the result is in the other matrix
constexpr float a = 3.4445F, b = -4.7750F, c = 2.0315F;
constexpr double smallest_norm = 1e-7;  // a zero matrix stays zero

// x /= max(|x|, smallest_norm)
void normalize(Exec const& exec, Scalar<double const> squared_norm, Tensor2<float> x) {
  std::size_t const width = x.extent(1);
  moves(x, x);
  for_rows(
      exec, "newton_schulz normalize", x.extent(0), width,
      KOKKOS_LAMBDA(Lanes const& lanes, std::size_t row) {
        double const norm = std::sqrt(squared_norm());
        auto const factor = static_cast<float>(1.0 / (norm > smallest_norm ? norm : smallest_norm));
        float* const to = &x(row, 0);
        lanes.each(width, [&](std::size_t i) { to[i] *= factor; });
      });
}

// squared = a I + b gram + c squared
void polynomial(Exec const& exec, Tensor2<float const> gram, Tensor2<float> squared) {
  std::size_t const side = gram.extent(0);
  moves(gram, squared, squared);
  for_rows(
      exec, "newton_schulz polynomial", side, side, KOKKOS_LAMBDA(Lanes const& lanes, std::size_t row) {
        float const* const from = &gram(row, 0);
        float* const to = &squared(row, 0);
        lanes.each(side, [&](std::size_t i) { to[i] = b * from[i] + c * to[i] + (i == row ? a : 0.0F); });
      });
}

}  // namespace

std::size_t newton_schulz_scratch(std::size_t rows, std::size_t cols) {
  std::size_t const side = std::min(rows, cols);
  return 2 * side * side;
}

void newton_schulz(Exec const& exec, Scalar<double const> squared_norm, Tensor2<float> x,
                   Tensor1<float> scratch, Tensor2<float> out) {
  std::size_t const side = std::min(x.extent(0), x.extent(1));
  if (scratch.size() < 2 * side * side || x.extent(0) != out.extent(0) || x.extent(1) != out.extent(1)) {
    throw std::runtime_error("newton_schulz: the shapes do not fit together");
  }
  bool const wide = x.extent(0) <= x.extent(1);
  Tensor2<float> const gram(scratch.data(), side, side), weights(gram.data() + gram.size(), side, side);
  normalize(exec, squared_norm, x);
  for (int step = 0; step < steps; ++step) {
    (wide ? matmul_nt : matmul_tn)(exec, x, x, Update::overwrite, gram);
    matmul_nn(exec, gram, gram, Update::overwrite, weights);
    polynomial(exec, gram, weights);
    matmul_nn(exec, wide ? weights : x, wide ? x : weights, Update::overwrite, out);
    std::swap(x, out);
  }
}

}  // namespace atl::kernels
