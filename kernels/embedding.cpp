#include "kernels/embedding.hpp"

#include "kernels/loops.hpp"

namespace atl::kernels {

void embedding_forward(Exec const& exec, Tensor1<std::int32_t const> tokens, Tensor2<float const> table,
                       Tensor2<float> x) {
  std::size_t const width = table.extent(1);
  moves(x, x);
  for_rows(
      exec, "embedding_forward", tokens.extent(0), KOKKOS_LAMBDA(std::size_t n) {
        float const* const from = &table(tokens(n), 0);
        float* const to = &x(n, 0);
#pragma omp simd
        for (std::size_t c = 0; c < width; ++c) to[c] = from[c];
      });
}

// Two rows may hold one token, so rows run in order and the columns are what is parallel.
void embedding_backward(Exec const& exec, Tensor1<std::int32_t const> tokens, Tensor2<float const> dx,
                        Tensor2<float> dtable) {
  constexpr std::size_t columns_at_once = 256;
  std::size_t const count = tokens.extent(0);
  moves(dx, dx, dx);
  for_blocks(
      exec, "embedding_backward", dtable.extent(1), columns_at_once,
      KOKKOS_LAMBDA(std::size_t begin, std::size_t end) {
        for (std::size_t n = 0; n < count; ++n) {
          float const* const from = &dx(n, 0);
          float* const to = &dtable(tokens(n), 0);
#pragma omp simd
          for (std::size_t c = begin; c < end; ++c) to[c] += from[c];
        }
      });
}

}  // namespace atl::kernels
