#include "kernels/elementwise.hpp"

#include "kernels/loops.hpp"

namespace atl::kernels {
namespace {

constexpr std::size_t block = 4096;

}  // namespace

void fill(Exec const& exec, float value, Tensor1<float> y) {
  moves(y);
  for_blocks(
      exec, "fill", y.extent(0), block, KOKKOS_LAMBDA(std::size_t begin, std::size_t end) {
        float* const to = y.data();
#pragma omp simd
        for (std::size_t i = begin; i < end; ++i) to[i] = value;
      });
}

void scale(Exec const& exec, float factor, Tensor1<float> y) {
  moves(y, y);
  for_blocks(
      exec, "scale", y.extent(0), block, KOKKOS_LAMBDA(std::size_t begin, std::size_t end) {
        float* const to = y.data();
#pragma omp simd
        for (std::size_t i = begin; i < end; ++i) to[i] *= factor;
      });
}

void narrow(Exec const& exec, Tensor1<float const> x, Tensor1<Bf16> y) {
  moves(x, y);
  for_blocks(
      exec, "narrow", y.extent(0), block, KOKKOS_LAMBDA(std::size_t begin, std::size_t end) {
        float const* const from = x.data();
        Bf16* const to = y.data();
#pragma omp simd
        for (std::size_t i = begin; i < end; ++i) to[i] = from[i];
      });
}

void add(Exec const& exec, Tensor1<float const> x, Tensor1<float> y) {
  moves(x, y, y);
  for_blocks(
      exec, "add", y.extent(0), block, KOKKOS_LAMBDA(std::size_t begin, std::size_t end) {
        float const* const from = x.data();
        float* const to = y.data();
#pragma omp simd
        for (std::size_t i = begin; i < end; ++i) to[i] += from[i];
      });
}

}  // namespace atl::kernels
