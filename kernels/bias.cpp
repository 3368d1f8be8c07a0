#include "kernels/bias.hpp"

#include "kernels/loops.hpp"

namespace atl::kernels {

void bias_forward(Exec const& exec, Tensor2<float const> bias, Tensor2<float> y) {
  std::size_t const width = y.extent(1), period = bias.extent(0);
  for_rows(
      exec, "bias_forward", y.extent(0), KOKKOS_LAMBDA(std::size_t n) {
        float const* const from = &bias(n % period, 0);
        float* const to = &y(n, 0);
#pragma omp simd
        for (std::size_t m = 0; m < width; ++m) to[m] += from[m];
      });
}

void bias_backward(Exec const& exec, Tensor2<float const> dy, Tensor2<float> dbias) {
  constexpr std::size_t block = 64;
  std::size_t const count = dy.extent(0), period = dbias.extent(0), width = dbias.extent(1);
  std::size_t const blocks = (width + block - 1) / block;
  for_rows(
      exec, "bias_backward", period * blocks, KOKKOS_LAMBDA(std::size_t i) {
        std::size_t const first = i / blocks, begin = i % blocks * block;
        std::size_t const size = width - begin < block ? width - begin : block;
        double sums[block] = {};
        for (std::size_t n = first; n < count; n += period) {
          float const* const from = &dy(n, begin);
#pragma omp simd
          for (std::size_t m = 0; m < size; ++m) sums[m] += from[m];
        }
        for (std::size_t m = 0; m < size; ++m) dbias(first, begin + m) += static_cast<float>(sums[m]);
      });
}

}  // namespace atl::kernels
