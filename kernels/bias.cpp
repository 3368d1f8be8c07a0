#include "kernels/bias.hpp"

#include "kernels/loops.hpp"

namespace atl::kernels {

template <class Real>
void bias_forward(Exec const& exec, Tensor2<float const> bias, Tensor2<Real> y) {
  std::size_t const width = y.extent(1), period = bias.extent(0);
  moves(bias, y, y);
  for_rows(
      exec, "bias_forward", y.extent(0), KOKKOS_LAMBDA(std::size_t n) {
        float const* const from = &bias(n % period, 0);
        Real* const to = &y(n, 0);
#pragma omp simd
        for (std::size_t m = 0; m < width; ++m) to[m] = to[m] + from[m];
      });
}

template void bias_forward(Exec const&, Tensor2<float const>, Tensor2<float>);
template void bias_forward(Exec const&, Tensor2<float const>, Tensor2<Bf16>);

namespace {

template <class Real>
void add_rows(Exec const& exec, Tensor2<Real const> const& dy, Tensor2<float> const& dbias) {
  constexpr std::size_t block = 64;
  std::size_t const count = dy.extent(0), period = dbias.extent(0), width = dbias.extent(1);
  std::size_t const blocks = (width + block - 1) / block;
  moves(dy);
  for_rows(
      exec, "bias_backward", period * blocks, KOKKOS_LAMBDA(std::size_t i) {
        std::size_t const first = i / blocks, begin = i % blocks * block;
        std::size_t const size = width - begin < block ? width - begin : block;
        double sums[block] = {};
        for (std::size_t n = first; n < count; n += period) {
          Real const* const from = &dy(n, begin);
#pragma omp simd
          for (std::size_t m = 0; m < size; ++m) sums[m] += static_cast<float>(from[m]);
        }
        for (std::size_t m = 0; m < size; ++m) dbias(first, begin + m) += static_cast<float>(sums[m]);
      });
}

}  // namespace

void bias_backward(Exec const& exec, Tensor2<float const> dy, Tensor2<float> dbias) {
  add_rows(exec, dy, dbias);
}
void bias_backward(Exec const& exec, Tensor2<Bf16 const> dy, Tensor2<float> dbias) {
  add_rows(exec, dy, dbias);
}

}  // namespace atl::kernels
