#include "kernels/swiglu.hpp"

#include "kernels/bf16.hpp"
#include "kernels/loops.hpp"
#include "kernels/math.hpp"

namespace atl::kernels {

template <class Real>
void swiglu_forward(Exec const& exec, Input2<Real> gate_up, Tensor2<Real> h) {
  std::size_t const width = h.extent(1);
  for_rows(
      exec, "swiglu_forward", h.extent(0), KOKKOS_LAMBDA(std::size_t n) {
        Real const* const gate = &gate_up(n, 0);
        Real const* const up = gate + width;
        Real* const h_row = &h(n, 0);
#pragma omp simd
        for (std::size_t f = 0; f < width; ++f) h_row[f] = gate[f] * sigmoid(gate[f]) * up[f];
      });
}

template <class Real>
void swiglu_backward(Exec const& exec, Input2<Real> dh, Input2<Real> gate_up, Tensor2<Real> dgate_up) {
  std::size_t const width = dh.extent(1);
  for_rows(
      exec, "swiglu_backward", dh.extent(0), KOKKOS_LAMBDA(std::size_t n) {
        Real const* const gate = &gate_up(n, 0);
        Real const* const up = gate + width;
        Real const* const dh_row = &dh(n, 0);
        Real* const dgate = &dgate_up(n, 0);
        Real* const dup = dgate + width;
#pragma omp simd
        for (std::size_t f = 0; f < width; ++f) {
          float const s = sigmoid(gate[f]);
          float const silu = gate[f] * s;
          float const dsilu = dh_row[f] * up[f];
          dup[f] = dh_row[f] * silu;
          dgate[f] = dsilu * (s + silu * (1.0F - s));
        }
      });
}

template void swiglu_forward(Exec const&, Input2<float>, Tensor2<float>);
template void swiglu_forward(Exec const&, Input2<Bf16>, Tensor2<Bf16>);
template void swiglu_backward(Exec const&, Input2<float>, Input2<float>, Tensor2<float>);
template void swiglu_backward(Exec const&, Input2<Bf16>, Input2<Bf16>, Tensor2<Bf16>);

}  // namespace atl::kernels
