#include "kernels/reduce.hpp"

#include <bit>

#include "kernels/loops.hpp"

namespace atl::kernels {
namespace {

// Adds up term(x[i]), block by block.
template <class Number, class Term>
void reduce(Exec const& exec, char const* label, Tensor1<float const> const& x, Term const& term,
            Scalar<Number> const& result) {
  constexpr std::size_t block = elements_at_once;
  std::size_t const size = x.extent(0);
  moves(x);
  Kokkos::parallel_reduce(
      label, Policy(exec, 0, (size + block - 1) / block),
      KOKKOS_LAMBDA(std::size_t i, Number & total) {
        std::size_t const begin = i * block;
        std::size_t const end = begin + block < size ? begin + block : size;
        float const* const from = x.data();
        Number part = 0;
#pragma omp simd reduction(+ : part)
        for (std::size_t j = begin; j < end; ++j) part += term(from[j]);
        total += part;
      },
      result);
}

}  // namespace

void sum(Exec const& exec, Tensor1<float const> x, Scalar<double> result) {
  reduce<double>(
      exec, "sum", x, KOKKOS_LAMBDA(float value) { return static_cast<double>(value); }, result);
}

void sum_of_squares(Exec const& exec, Tensor1<float const> x, Scalar<double> result) {
  reduce<double>(
      exec, "sum_of_squares", x,
      KOKKOS_LAMBDA(float value) { return static_cast<double>(value) * static_cast<double>(value); }, result);
}

void count_non_finite(Exec const& exec, Tensor1<float const> x, Scalar<std::int64_t> result) {
  reduce<std::int64_t>(
      exec, "count_non_finite", x,
      KOKKOS_LAMBDA(float value) {
        constexpr std::uint32_t exponent = 0x7F800000U;  // all ones: infinite or not a number
        return static_cast<std::int64_t>((std::bit_cast<std::uint32_t>(value) & exponent) == exponent);
      },
      result);
}

}  // namespace atl::kernels
