#include "kernels/cross_entropy.hpp"

#include <cmath>
#include <limits>

#include "kernels/bf16.hpp"
#include "kernels/loops.hpp"
#include "kernels/math.hpp"

namespace atl::kernels {
namespace {

KOKKOS_INLINE_FUNCTION float row_maximum(float const* row, std::size_t size) {
  float maximum = -std::numeric_limits<float>::infinity();
#pragma omp simd reduction(max : maximum)
  for (std::size_t v = 0; v < size; ++v) maximum = row[v] > maximum ? row[v] : maximum;
  return maximum;
}

}  // namespace

void cross_entropy_forward(Exec const& exec, Tensor2<float const> logits, Tensor1<std::int32_t const> targets,
                           Tensor1<float> loss) {
  std::size_t const vocabulary = logits.extent(1);
  moves(logits);
  for_rows(
      exec, "cross_entropy_forward", logits.extent(0), KOKKOS_LAMBDA(std::size_t n) {
        loss(n) = 0.0F;
        if (targets(n) < 0) return;
        float const* const row = &logits(n, 0);
        float const maximum = row_maximum(row, vocabulary);
        float sum = 0.0F;
#pragma omp simd reduction(+ : sum)
        for (std::size_t v = 0; v < vocabulary; ++v) sum += fast_exp(row[v] - maximum);
        loss(n) = std::log(sum) + (maximum - row[targets(n)]);
      });
}

template <class Real>
void cross_entropy_forward_backward(Exec const& exec, Tensor1<std::int32_t const> targets, float scale,
                                    Tensor2<float> logits, Tensor2<Real> dlogits, Tensor1<float> loss) {
  std::size_t const vocabulary = logits.extent(1);
  moves(logits, dlogits);
  for_rows(
      exec, "cross_entropy_forward_backward", logits.extent(0), KOKKOS_LAMBDA(std::size_t n) {
        float* const row = &logits(n, 0);
        Real* const drow = &dlogits(n, 0);
        if (targets(n) < 0) {
          loss(n) = 0.0F;
#pragma omp simd
          for (std::size_t v = 0; v < vocabulary; ++v) drow[v] = 0.0F;
          return;
        }
        float const maximum = row_maximum(row, vocabulary);
        float const distance = maximum - row[targets(n)];
        float sum = 0.0F;
#pragma omp simd reduction(+ : sum)
        for (std::size_t v = 0; v < vocabulary; ++v) {
          row[v] = fast_exp(row[v] - maximum);
          sum += row[v];
        }
        loss(n) = std::log(sum) + distance;
        float const factor = scale / sum;
        auto const target = static_cast<std::size_t>(targets(n));
#pragma omp simd
        for (std::size_t v = 0; v < vocabulary; ++v) drow[v] = row[v] * factor - (v == target ? scale : 0.0F);
      });
}

template void cross_entropy_forward_backward(Exec const&, Tensor1<std::int32_t const>, float, Tensor2<float>,
                                             Tensor2<float>, Tensor1<float>);
template void cross_entropy_forward_backward(Exec const&, Tensor1<std::int32_t const>, float, Tensor2<float>,
                                             Tensor2<Bf16>, Tensor1<float>);

}  // namespace atl::kernels
