#include "kernels/rmsnorm.hpp"

#include <cmath>

#include "kernels/bf16.hpp"
#include "kernels/columns.hpp"
#include "kernels/loops.hpp"

namespace atl::kernels {
namespace {

// Writes y and returns 1/rms(x), of one row.
template <class Real>
KOKKOS_INLINE_FUNCTION float normalize_row(Lanes const& lanes, float const* x, float const* weight, float eps,
                                           std::size_t width, Real* y) {
  float const squares = lanes.sum(width, [&](std::size_t c) { return x[c] * x[c]; });
  float const inv_rms = 1.0F / std::sqrt(squares / static_cast<float>(width) + eps);
  lanes.each(width, [&](std::size_t c) { y[c] = x[c] * inv_rms * weight[c]; });
  return inv_rms;
}

void accumulate_dweight(Exec const& exec, Tensor2<float const> dy, Tensor2<float const> x,
                        Tensor1<float const> inv_rms, Tensor1<float> dweight) {
  moves(dy, x);
  sum_columns<1>(
      exec, "rmsnorm_backward_dweight", {.rows = x.extent(0), .width = dweight.extent(0)},
      KOKKOS_LAMBDA(std::size_t n, std::size_t c) { return Terms<1>{dy(n, c) * x(n, c) * inv_rms(n)}; },
      KOKKOS_LAMBDA(std::size_t, std::size_t c, Terms<1> const& sums) { dweight(c) += sums.of[0]; });
}

}  // namespace

template <class Real>
void rmsnorm_forward(Exec const& exec, Tensor2<float const> x, Tensor1<float const> weight, float eps,
                     Tensor2<Real> y, Tensor1<float> inv_rms) {
  std::size_t const width = x.extent(1);
  moves(x, y);
  for_rows(
      exec, "rmsnorm_forward", x.extent(0), width, KOKKOS_LAMBDA(Lanes const& lanes, std::size_t n) {
        float const inv = normalize_row(lanes, &x(n, 0), weight.data(), eps, width, &y(n, 0));
        lanes.once([&] { inv_rms(n) = inv; });
      });
}

template <class Real>
void residual_rmsnorm_forward(Exec const& exec, Tensor2<float const> x, Tensor2<float const> branch,
                              Tensor1<float const> weight, float eps, Tensor2<float> sum, Tensor2<Real> y,
                              Tensor1<float> inv_rms) {
  std::size_t const width = x.extent(1);
  moves(x, branch, sum, y);
  for_rows(
      exec, "residual_rmsnorm_forward", x.extent(0), width, KOKKOS_LAMBDA(Lanes const& lanes, std::size_t n) {
        float const* const x_row = &x(n, 0);
        float const* const branch_row = &branch(n, 0);
        float* const sum_row = &sum(n, 0);
        lanes.each(width, [&](std::size_t c) { sum_row[c] = x_row[c] + branch_row[c]; });
        float const inv = normalize_row(lanes, sum_row, weight.data(), eps, width, &y(n, 0));
        lanes.once([&] { inv_rms(n) = inv; });
      });
}

template void rmsnorm_forward(Exec const&, Tensor2<float const>, Tensor1<float const>, float, Tensor2<float>,
                              Tensor1<float>);
template void rmsnorm_forward(Exec const&, Tensor2<float const>, Tensor1<float const>, float, Tensor2<Bf16>,
                              Tensor1<float>);
template void residual_rmsnorm_forward(Exec const&, Tensor2<float const>, Tensor2<float const>,
                                       Tensor1<float const>, float, Tensor2<float>, Tensor2<float>,
                                       Tensor1<float>);
template void residual_rmsnorm_forward(Exec const&, Tensor2<float const>, Tensor2<float const>,
                                       Tensor1<float const>, float, Tensor2<float>, Tensor2<Bf16>,
                                       Tensor1<float>);

void rmsnorm_backward(Exec const& exec, Tensor2<float const> dy, Tensor2<float const> x,
                      Tensor1<float const> weight, Tensor1<float const> inv_rms, Update update,
                      Tensor2<float> dx, Tensor1<float> dweight) {
  accumulate_dweight(exec, dy, x, inv_rms, dweight);  // first: dx may take the place of dy
  std::size_t const width = x.extent(1);
  bool const adds = update == Update::add;  // else dx is not read: it may hold anything
  moves(dy, x, dx);
  for_rows(
      exec, "rmsnorm_backward", x.extent(0), width, KOKKOS_LAMBDA(Lanes const& lanes, std::size_t n) {
        float const* const dy_row = &dy(n, 0);
        float const* const x_row = &x(n, 0);
        float const* const w = weight.data();
        float* const dx_row = &dx(n, 0);
        float const inv = inv_rms(n);
        float const along = lanes.sum(width, [&](std::size_t c) { return dy_row[c] * w[c] * x_row[c]; });
        float const pull = along * inv * inv / static_cast<float>(width);
        auto const gradient = [&](std::size_t c) { return inv * (dy_row[c] * w[c] - x_row[c] * pull); };
        if (adds) {
          lanes.each(width, [&](std::size_t c) { dx_row[c] += gradient(c); });
        } else {
          lanes.each(width, [&](std::size_t c) { dx_row[c] = gradient(c); });
        }
      });
}

}  // namespace atl::kernels
