#include "kernels/embedding.hpp"

#include "kernels/loops.hpp"

namespace atl::kernels {

namespace {

// Two rows may hold one token. On the host rows therefore run in order, and the columns are what is parallel.
void add_by_columns(Exec const& exec, Tensor1<std::int32_t const> tokens, Tensor2<float const> dx,
                    Tensor2<float> dtable) {
  constexpr std::size_t columns_at_once = 256;
  std::size_t const count = tokens.extent(0);
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

// Too few columns for a device: there the first row of a token adds all rows of that token, in the same
// order. Every row looks whether it is the first, and who is looks for the others: comparisons of tokens that
// are quadratic in the rows, but cheap beside dx for some ten thousand of them.
void add_by_tokens(Exec const& exec, Tensor1<std::int32_t const> tokens, Tensor2<float const> dx,
                   Tensor2<float> dtable) {
  std::size_t const count = tokens.extent(0), width = dtable.extent(1);
  for_rows(
      exec, "embedding_backward", count, width, KOKKOS_LAMBDA(Lanes const& lanes, std::size_t n) {
        auto const is_same = [&](std::size_t i) { return tokens(i) == tokens(n); };
        if (lanes.first(0, n, is_same) < n) return;
        float* const to = &dtable(tokens(n), 0);
        for (std::size_t i = n; i < count; i = lanes.first(i + 1, count, is_same)) {
          lanes.each(width, [&](std::size_t c) { to[c] += dx(i, c); });
        }
      });
}

}  // namespace

void embedding_forward(Exec const& exec, Tensor1<std::int32_t const> tokens, Tensor2<float const> table,
                       Tensor2<float> x) {
  std::size_t const width = table.extent(1);
  moves(x, x);
  for_rows(
      exec, "embedding_forward", tokens.extent(0), width, KOKKOS_LAMBDA(Lanes const& lanes, std::size_t n) {
        float const* const from = &table(tokens(n), 0);
        float* const to = &x(n, 0);
        lanes.each(width, [&](std::size_t c) { to[c] = from[c]; });
      });
}

void embedding_backward(Exec const& exec, Tensor1<std::int32_t const> tokens, Tensor2<float const> dx,
                        Tensor2<float> dtable) {
  moves(dx, dx, dx);
  (runs_on_host ? add_by_columns : add_by_tokens)(exec, tokens, dx, dtable);
}

}  // namespace atl::kernels
