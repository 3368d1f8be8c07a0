#include "kernels/swiglu.hpp"

#include "kernels/bf16.hpp"
#include "kernels/loops.hpp"
#include "kernels/math.hpp"

namespace atl::kernels {

template <class Real>
void swiglu_forward(Exec const& exec, Input2<Real> gate_up, Tensor2<Real> h) {
  std::size_t const width = h.extent(1);
  moves(gate_up, h);
  for_rows(
      exec, "swiglu_forward", h.extent(0), width, KOKKOS_LAMBDA(Lanes const& lanes, std::size_t n) {
        Real const* const gate = &gate_up(n, 0);
        Real const* const up = gate + width;
        Real* const h_row = &h(n, 0);
        lanes.each(width, [&](std::size_t f) { h_row[f] = gate[f] * sigmoid(gate[f]) * up[f]; });
      });
}

template <class Real>
void swiglu_backward(Exec const& exec, Input2<Real> dh, Input2<Real> gate_up, Tensor2<Real> dgate_up,
                     Tensor2<Real> h) {
  std::size_t const width = dh.extent(1);
  moves(dh, gate_up, dgate_up, h);
  for_rows(
      exec, "swiglu_backward", dh.extent(0), width, KOKKOS_LAMBDA(Lanes const& lanes, std::size_t n) {
        Real const* const gate = &gate_up(n, 0);
        Real const* const up = gate + width;
        Real const* const dh_row = &dh(n, 0);
        Real* const dgate = &dgate_up(n, 0);
        Real* const dup = dgate + width;
        Real* const h_row = &h(n, 0);
        lanes.each(width, [&](std::size_t f) {
          float const at = gate[f], by = up[f], d = dh_row[f];
          float const s = sigmoid(at);
          float const silu = at * s;
          dup[f] = d * silu;
          dgate[f] = d * by * (s + silu * (1.0F - s));
          h_row[f] = silu * by;
        });
      });
}

template void swiglu_forward(Exec const&, Input2<float>, Tensor2<float>);
template void swiglu_forward(Exec const&, Input2<Bf16>, Tensor2<Bf16>);
template void swiglu_backward(Exec const&, Input2<float>, Input2<float>, Tensor2<float>, Tensor2<float>);
template void swiglu_backward(Exec const&, Input2<Bf16>, Input2<Bf16>, Tensor2<Bf16>, Tensor2<Bf16>);

}  // namespace atl::kernels
