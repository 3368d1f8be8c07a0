#include "kernels/elementwise.hpp"

#include "kernels/loops.hpp"

namespace atl::kernels {

void fill(Exec const& exec, float value, Tensor1<float> y) {
  moves(y);
  float* const to = y.data();
  for_elements(
      exec, "fill", y.extent(0), KOKKOS_LAMBDA(std::size_t i) { to[i] = value; });
}

void scale(Exec const& exec, float factor, Tensor1<float> y) {
  moves(y, y);
  float* const to = y.data();
  for_elements(
      exec, "scale", y.extent(0), KOKKOS_LAMBDA(std::size_t i) { to[i] *= factor; });
}

void narrow(Exec const& exec, Tensor1<float const> x, Tensor1<Bf16> y) {
  moves(x, y);
  float const* const from = x.data();
  Bf16* const to = y.data();
  for_elements(
      exec, "narrow", y.extent(0), KOKKOS_LAMBDA(std::size_t i) { to[i] = from[i]; });
}

void add(Exec const& exec, Tensor1<float const> x, Tensor1<float> y) {
  moves(x, y, y);
  float const* const from = x.data();
  float* const to = y.data();
  for_elements(
      exec, "add", y.extent(0), KOKKOS_LAMBDA(std::size_t i) { to[i] += from[i]; });
}

}  // namespace atl::kernels
