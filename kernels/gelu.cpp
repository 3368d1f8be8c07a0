#include "kernels/gelu.hpp"

#include "kernels/bf16.hpp"
#include "kernels/loops.hpp"
#include "kernels/math.hpp"

namespace atl::kernels {
namespace {

// (1 + tanh u) / 2 is the sigmoid of 2u: h = x sigmoid(2u).
constexpr float linear = 1.59576912F;        // 2 sqrt(2/pi)
constexpr float cubic = 0.044715F * linear;  // 2u = x (linear + cubic x^2)

}  // namespace

template <class Real>
void gelu_forward(Exec const& exec, Input2<Real> x, Tensor2<Real> h) {
  std::size_t const width = h.extent(1);
  moves(x, h);
  for_rows(
      exec, "gelu_forward", h.extent(0), width, KOKKOS_LAMBDA(Lanes const& lanes, std::size_t n) {
        Real const* const x_row = &x(n, 0);
        Real* const h_row = &h(n, 0);
        lanes.each(width, [&](std::size_t f) {
          float const at = x_row[f];
          h_row[f] = at * sigmoid(at * (linear + cubic * at * at));
        });
      });
}

template <class Real>
void gelu_backward(Exec const& exec, Input2<Real> dh, Input2<Real> x, Tensor2<Real> dx, Tensor2<Real> h) {
  std::size_t const width = dh.extent(1);
  moves(dh, x, dx, h);
  for_rows(
      exec, "gelu_backward", dh.extent(0), width, KOKKOS_LAMBDA(Lanes const& lanes, std::size_t n) {
        Real const* const dh_row = &dh(n, 0);
        Real const* const x_row = &x(n, 0);
        Real* const dx_row = &dx(n, 0);
        Real* const h_row = &h(n, 0);
        lanes.each(width, [&](std::size_t f) {
          float const at = x_row[f];
          float const s = sigmoid(at * (linear + cubic * at * at));
          float const slope = linear + 3.0F * cubic * at * at;  // of 2u
          dx_row[f] = dh_row[f] * (s + at * s * (1.0F - s) * slope);
          h_row[f] = at * s;
        });
      });
}

template void gelu_forward(Exec const&, Input2<float>, Tensor2<float>);
template void gelu_forward(Exec const&, Input2<Bf16>, Tensor2<Bf16>);
template void gelu_backward(Exec const&, Input2<float>, Input2<float>, Tensor2<float>, Tensor2<float>);
template void gelu_backward(Exec const&, Input2<Bf16>, Input2<Bf16>, Tensor2<Bf16>, Tensor2<Bf16>);

}  // namespace atl::kernels
