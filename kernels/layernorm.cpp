#include "kernels/layernorm.hpp"

#include <cmath>

#include "kernels/bf16.hpp"
#include "kernels/columns.hpp"
#include "kernels/loops.hpp"

namespace atl::kernels {
namespace {

struct RowMoments {
  float mean, inv_std;
};

// Writes y, of one row.
template <class Real>
KOKKOS_INLINE_FUNCTION RowMoments normalize_row(Lanes const& lanes, float const* x, float const* weight,
                                                float const* bias, float eps, std::size_t width, Real* y) {
  auto const size = static_cast<float>(width);
  float const mean = lanes.sum(width, [&](std::size_t c) { return x[c]; }) / size;
  // Of the differences: the difference of two large sums would lose the variance of a row far from zero.
  float const squares = lanes.sum(width, [&](std::size_t c) { return (x[c] - mean) * (x[c] - mean); });
  float const inv_std = 1.0F / std::sqrt(squares / size + eps);
  lanes.each(width, [&](std::size_t c) { y[c] = (x[c] - mean) * inv_std * weight[c] + bias[c]; });
  return {mean, inv_std};
}

void accumulate_weight_gradients(Exec const& exec, Tensor2<float const> dy, Tensor2<float const> x,
                                 Tensor1<float const> mean, Tensor1<float const> inv_std,
                                 Tensor1<float> dweight, Tensor1<float> dbias) {
  moves(dy, x);
  sum_columns<2>(
      exec, "layernorm_backward_dweight", {.rows = x.extent(0), .width = dweight.extent(0)},
      KOKKOS_LAMBDA(std::size_t n, std::size_t c) {
        return Terms<2>{dy(n, c) * (x(n, c) - mean(n)) * inv_std(n), dy(n, c)};
      },
      KOKKOS_LAMBDA(std::size_t, std::size_t c, Terms<2> const& sums) {
        dweight(c) += sums.of[0];
        dbias(c) += sums.of[1];
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
      exec, "layernorm_forward", x.extent(0), width, KOKKOS_LAMBDA(Lanes const& lanes, std::size_t n) {
        RowMoments const moments =
            normalize_row(lanes, &x(n, 0), weight.data(), bias.data(), eps, width, &y(n, 0));
        lanes.once([&] {
          mean(n) = moments.mean;
          inv_std(n) = moments.inv_std;
        });
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
      exec, "residual_layernorm_forward", x.extent(0), width,
      KOKKOS_LAMBDA(Lanes const& lanes, std::size_t n) {
        float const* const x_row = &x(n, 0);
        float const* const branch_row = &branch(n, 0);
        float* const sum_row = &sum(n, 0);
        lanes.each(width, [&](std::size_t c) { sum_row[c] = x_row[c] + branch_row[c]; });
        RowMoments const moments =
            normalize_row(lanes, sum_row, weight.data(), bias.data(), eps, width, &y(n, 0));
        lanes.once([&] {
          mean(n) = moments.mean;
          inv_std(n) = moments.inv_std;
        });
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
      exec, "layernorm_backward", x.extent(0), width, KOKKOS_LAMBDA(Lanes const& lanes, std::size_t n) {
        float const* const dy_row = &dy(n, 0);
        float const* const x_row = &x(n, 0);
        float const* const w = weight.data();
        float* const dx_row = &dx(n, 0);
        float const row_mean = mean(n), inv = inv_std(n);
        Terms<2> const sums = lanes.sums(width, [&](std::size_t c) {
          float const g = dy_row[c] * w[c];
          return Terms<2>{g, g * (x_row[c] - row_mean)};
        });
        float const level = sums.of[0] / static_cast<float>(width);
        float const pull = sums.of[1] * inv * inv / static_cast<float>(width);
        auto const gradient = [&](std::size_t c) {
          return inv * (dy_row[c] * w[c] - level - (x_row[c] - row_mean) * pull);
        };
        if (adds) {
          lanes.each(width, [&](std::size_t c) { dx_row[c] += gradient(c); });
        } else {
          lanes.each(width, [&](std::size_t c) { dx_row[c] = gradient(c); });
        }
      });
}

}  // namespace atl::kernels
