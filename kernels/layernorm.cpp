#include "kernels/layernorm.hpp"

#include <cmath>

#include "kernels/bf16.hpp"
#include "kernels/loops.hpp"

namespace atl::kernels {
namespace {

struct RowMoments {
  float mean, inv_std;
};

// Writes y, of one row.
template <class Real>
KOKKOS_INLINE_FUNCTION RowMoments normalize_row(float const* x, float const* weight, float const* bias,
                                                float eps, std::size_t width, Real* y) {
  auto const size = static_cast<float>(width);
  float sum = 0.0F, squares = 0.0F;
#pragma omp simd reduction(+ : sum)
  for (std::size_t c = 0; c < width; ++c) sum += x[c];
  float const mean = sum / size;
  // Of the differences: the difference of two large sums would lose the variance of a row far from zero.
#pragma omp simd reduction(+ : squares)
  for (std::size_t c = 0; c < width; ++c) squares += (x[c] - mean) * (x[c] - mean);
  float const inv_std = 1.0F / std::sqrt(squares / size + eps);
#pragma omp simd
  for (std::size_t c = 0; c < width; ++c) y[c] = (x[c] - mean) * inv_std * weight[c] + bias[c];
  return {mean, inv_std};
}

// The sums over rows run in order within a block of columns, so that the results do not depend on the
// parallel schedule.
void accumulate_weight_gradients(Exec const& exec, Tensor2<float const> dy, Tensor2<float const> x,
                                 Tensor1<float const> mean, Tensor1<float const> inv_std,
                                 Tensor1<float> dweight, Tensor1<float> dbias) {
  constexpr std::size_t block = 64;
  std::size_t const count = x.extent(0);
  moves(dy, x);
  for_blocks(
      exec, "layernorm_backward_dweight", dweight.extent(0), block,
      KOKKOS_LAMBDA(std::size_t begin, std::size_t end) {
        double weight_sums[block] = {}, bias_sums[block] = {};
        std::size_t const width = end - begin;
        for (std::size_t n = 0; n < count; ++n) {
          float const* const dy_row = &dy(n, begin);
          float const* const x_row = &x(n, begin);
          float const row_mean = mean(n);
          float const inv = inv_std(n);
#pragma omp simd
          for (std::size_t c = 0; c < width; ++c) {
            weight_sums[c] += dy_row[c] * (x_row[c] - row_mean) * inv;
            bias_sums[c] += dy_row[c];
          }
        }
        for (std::size_t c = 0; c < width; ++c) {
          dweight(begin + c) += static_cast<float>(weight_sums[c]);
          dbias(begin + c) += static_cast<float>(bias_sums[c]);
        }
      });
}

}  // namespace

template <class Real>
void layernorm_forward(Exec const& exec, Tensor2<float const> x, Tensor1<float const> weight,
                       Tensor1<float const> bias, float eps, Tensor2<Real> y, Tensor1<float> mean,
                       Tensor1<float> inv_std) {
  std::size_t const width = x.extent(1);
  moves(x, y);
  for_rows(
      exec, "layernorm_forward", x.extent(0), KOKKOS_LAMBDA(std::size_t n) {
        RowMoments const of_row = normalize_row(&x(n, 0), weight.data(), bias.data(), eps, width, &y(n, 0));
        mean(n) = of_row.mean;
        inv_std(n) = of_row.inv_std;
      });
}

template <class Real>
void residual_layernorm_forward(Exec const& exec, Tensor2<float const> x, Tensor2<float const> branch,
                                Tensor1<float const> weight, Tensor1<float const> bias, float eps,
                                Tensor2<float> sum, Tensor2<Real> y, Tensor1<float> mean,
                                Tensor1<float> inv_std) {
  std::size_t const width = x.extent(1);
  moves(x, branch, sum, y);
  for_rows(
      exec, "residual_layernorm_forward", x.extent(0), KOKKOS_LAMBDA(std::size_t n) {
        float const* const x_row = &x(n, 0);
        float const* const branch_row = &branch(n, 0);
        float* const sum_row = &sum(n, 0);
#pragma omp simd
        for (std::size_t c = 0; c < width; ++c) sum_row[c] = x_row[c] + branch_row[c];
        RowMoments const of_row = normalize_row(sum_row, weight.data(), bias.data(), eps, width, &y(n, 0));
        mean(n) = of_row.mean;
        inv_std(n) = of_row.inv_std;
      });
}

template void layernorm_forward(Exec const&, Tensor2<float const>, Tensor1<float const>, Tensor1<float const>,
                                float, Tensor2<float>, Tensor1<float>, Tensor1<float>);
template void layernorm_forward(Exec const&, Tensor2<float const>, Tensor1<float const>, Tensor1<float const>,
                                float, Tensor2<Bf16>, Tensor1<float>, Tensor1<float>);
template void residual_layernorm_forward(Exec const&, Tensor2<float const>, Tensor2<float const>,
                                         Tensor1<float const>, Tensor1<float const>, float, Tensor2<float>,
                                         Tensor2<float>, Tensor1<float>, Tensor1<float>);
template void residual_layernorm_forward(Exec const&, Tensor2<float const>, Tensor2<float const>,
                                         Tensor1<float const>, Tensor1<float const>, float, Tensor2<float>,
                                         Tensor2<Bf16>, Tensor1<float>, Tensor1<float>);

void layernorm_backward(Exec const& exec, Tensor2<float const> dy, Tensor2<float const> x,
                        Tensor1<float const> weight, Tensor1<float const> mean, Tensor1<float const> inv_std,
                        Update update, Tensor2<float> dx, Tensor1<float> dweight, Tensor1<float> dbias) {
  accumulate_weight_gradients(exec, dy, x, mean, inv_std, dweight, dbias);  // first: dx may take dy's place
  std::size_t const width = x.extent(1);
  bool const adds = update == Update::add;  // else dx is not read: it may hold anything
  moves(dy, x, dx);
  for_rows(
      exec, "layernorm_backward", x.extent(0), KOKKOS_LAMBDA(std::size_t n) {
        float const* const dy_row = &dy(n, 0);
        float const* const x_row = &x(n, 0);
        float const* const w = weight.data();
        float* const dx_row = &dx(n, 0);
        float const row_mean = mean(n), inv = inv_std(n);
        float level = 0.0F, along = 0.0F;
#pragma omp simd reduction(+ : level, along)
        for (std::size_t c = 0; c < width; ++c) {
          level += dy_row[c] * w[c];
          along += dy_row[c] * w[c] * (x_row[c] - row_mean);
        }
        level /= static_cast<float>(width);
        float const pull = along * inv * inv / static_cast<float>(width);
        if (adds) {
#pragma omp simd
          for (std::size_t c = 0; c < width; ++c) {
            dx_row[c] += inv * (dy_row[c] * w[c] - level - (x_row[c] - row_mean) * pull);
          }
        } else {
#pragma omp simd
          for (std::size_t c = 0; c < width; ++c) {
            dx_row[c] = inv * (dy_row[c] * w[c] - level - (x_row[c] - row_mean) * pull);
          }
        }
      });
}

}  // namespace atl::kernels
