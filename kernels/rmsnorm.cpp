#include "kernels/rmsnorm.hpp"

#include <cmath>

#include "kernels/bf16.hpp"
#include "kernels/loops.hpp"

namespace atl::kernels {
namespace {

// Writes y and returns 1/rms(x), of one row.
template <class Real>
KOKKOS_INLINE_FUNCTION float normalize_row(float const* x, float const* weight, float eps, std::size_t width,
                                           Real* y) {
  float squares = 0.0F;
#pragma omp simd reduction(+ : squares)
  for (std::size_t c = 0; c < width; ++c) squares += x[c] * x[c];
  float const inv_rms = 1.0F / std::sqrt(squares / static_cast<float>(width) + eps);
#pragma omp simd
  for (std::size_t c = 0; c < width; ++c) y[c] = x[c] * inv_rms * weight[c];
  return inv_rms;
}

// The sum over rows runs in order within a block of columns, so that the result does not depend on the
// parallel schedule.
void accumulate_dweight(Exec const& exec, Tensor2<float const> dy, Tensor2<float const> x,
                        Tensor1<float const> inv_rms, Tensor1<float> dweight) {
  constexpr std::size_t block = 64;
  std::size_t const count = x.extent(0);
  moves(dy, x);
  for_blocks(
      exec, "rmsnorm_backward_dweight", dweight.extent(0), block,
      KOKKOS_LAMBDA(std::size_t begin, std::size_t end) {
        double sums[block] = {};
        std::size_t const width = end - begin;
        for (std::size_t n = 0; n < count; ++n) {
          float const* const dy_row = &dy(n, begin);
          float const* const x_row = &x(n, begin);
          float const inv = inv_rms(n);
#pragma omp simd
          for (std::size_t c = 0; c < width; ++c) sums[c] += dy_row[c] * x_row[c] * inv;
        }
        for (std::size_t c = 0; c < width; ++c) dweight(begin + c) += static_cast<float>(sums[c]);
      });
}

}  // namespace

template <class Real>
void rmsnorm_forward(Exec const& exec, Tensor2<float const> x, Tensor1<float const> weight, float eps,
                     Tensor2<Real> y, Tensor1<float> inv_rms) {
  std::size_t const width = x.extent(1);
  moves(x, y);
  for_rows(
      exec, "rmsnorm_forward", x.extent(0), KOKKOS_LAMBDA(std::size_t n) {
        inv_rms(n) = normalize_row(&x(n, 0), weight.data(), eps, width, &y(n, 0));
      });
}

template <class Real>
void residual_rmsnorm_forward(Exec const& exec, Tensor2<float const> x, Tensor2<float const> branch,
                              Tensor1<float const> weight, float eps, Tensor2<float> sum, Tensor2<Real> y,
                              Tensor1<float> inv_rms) {
  std::size_t const width = x.extent(1);
  moves(x, branch, sum, y);
  for_rows(
      exec, "residual_rmsnorm_forward", x.extent(0), KOKKOS_LAMBDA(std::size_t n) {
        float const* const x_row = &x(n, 0);
        float const* const branch_row = &branch(n, 0);
        float* const sum_row = &sum(n, 0);
#pragma omp simd
        for (std::size_t c = 0; c < width; ++c) sum_row[c] = x_row[c] + branch_row[c];
        inv_rms(n) = normalize_row(sum_row, weight.data(), eps, width, &y(n, 0));
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
      exec, "rmsnorm_backward", x.extent(0), KOKKOS_LAMBDA(std::size_t n) {
        float const* const dy_row = &dy(n, 0);
        float const* const x_row = &x(n, 0);
        float const* const w = weight.data();
        float* const dx_row = &dx(n, 0);
        float const inv = inv_rms(n);
        float along = 0.0F;
#pragma omp simd reduction(+ : along)
        for (std::size_t c = 0; c < width; ++c) along += dy_row[c] * w[c] * x_row[c];
        float const pull = along * inv * inv / static_cast<float>(width);
        if (adds) {
#pragma omp simd
          for (std::size_t c = 0; c < width; ++c) dx_row[c] += inv * (dy_row[c] * w[c] - x_row[c] * pull);
        } else {
#pragma omp simd
          for (std::size_t c = 0; c < width; ++c) dx_row[c] = inv * (dy_row[c] * w[c] - x_row[c] * pull);
        }
      });
}

}  // namespace atl::kernels
