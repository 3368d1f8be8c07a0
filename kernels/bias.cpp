#include "kernels/bias.hpp"

#include "kernels/columns.hpp"
#include "kernels/loops.hpp"

namespace atl::kernels {

template <class Real>
void bias_forward(Exec const& exec, Tensor2<float const> bias, Tensor2<Real> y) {
  std::size_t const width = y.extent(1), period = bias.extent(0);
  moves(bias, y, y);
  for_rows(
      exec, "bias_forward", y.extent(0), width, KOKKOS_LAMBDA(Lanes const& lanes, std::size_t n) {
        float const* const from = &bias(n % period, 0);
        Real* const to = &y(n, 0);
        lanes.each(width, [&](std::size_t m) { to[m] = to[m] + from[m]; });
      });
}

template void bias_forward(Exec const&, Tensor2<float const>, Tensor2<float>);
template void bias_forward(Exec const&, Tensor2<float const>, Tensor2<Bf16>);

namespace {

template <class Real>
void add_rows(Exec const& exec, Tensor2<Real const> const& dy, Tensor2<float> const& dbias) {
  moves(dy);
  sum_columns<1>(
      exec, "bias_backward", {.rows = dy.extent(0), .width = dbias.extent(1), .period = dbias.extent(0)},
      KOKKOS_LAMBDA(std::size_t n, std::size_t m) { return Terms<1>{static_cast<float>(dy(n, m))}; },
      KOKKOS_LAMBDA(std::size_t p, std::size_t m, Terms<1> const& sums) { dbias(p, m) += sums.of[0]; });
}

}  // namespace

void bias_backward(Exec const& exec, Tensor2<float const> dy, Tensor2<float> dbias) {
  add_rows(exec, dy, dbias);
}
void bias_backward(Exec const& exec, Tensor2<Bf16 const> dy, Tensor2<float> dbias) {
  add_rows(exec, dy, dbias);
}

}  // namespace atl::kernels
