#include "kernels/swiglu.hpp"

#include "kernels/loops.hpp"
#include "kernels/math.hpp"

namespace atl::kernels {

void swiglu_forward(Exec const& exec, Tensor2<float const> gate_up, Tensor2<float> h) {
  std::size_t const width = h.extent(1);
  for_rows(
      exec, "swiglu_forward", h.extent(0), KOKKOS_LAMBDA(std::size_t n) {
        float const* const gate = &gate_up(n, 0);
        float const* const up = gate + width;
        float* const h_row = &h(n, 0);
#pragma omp simd
        for (std::size_t f = 0; f < width; ++f) h_row[f] = gate[f] * sigmoid(gate[f]) * up[f];
      });
}

void swiglu_backward(Exec const& exec, Tensor2<float const> dh, Tensor2<float const> gate_up,
                     Tensor2<float> dgate_up) {
  std::size_t const width = dh.extent(1);
  for_rows(
      exec, "swiglu_backward", dh.extent(0), KOKKOS_LAMBDA(std::size_t n) {
        float const* const gate = &gate_up(n, 0);
        float const* const up = gate + width;
        float const* const dh_row = &dh(n, 0);
        float* const dgate = &dgate_up(n, 0);
        float* const dup = dgate + width;
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

}  // namespace atl::kernels
