// The two parallel loops of the kernels' sources. Inside them the loop over the contiguous dimension is a
// plain one under `#pragma omp simd`: that vectorizes on the host, and its order is the same in every run.
#pragma once

#include "kernels/operations.hpp"
#include "kernels/views.hpp"

namespace atl::kernels {

using Policy = Kokkos::RangePolicy<Exec, Kokkos::IndexType<std::size_t>>;

// body(n) for n in [0, count).
template <class Body>
void for_rows(Exec const& exec, char const* label, std::size_t count, Body const& body) {
  Kokkos::parallel_for(label, Policy(exec, 0, count), body);
}

// body(begin, end) for consecutive blocks of [0, size); they depend on `size` and `block` alone.
template <class Body>
void for_blocks(Exec const& exec, char const* label, std::size_t size, std::size_t block, Body const& body) {
  Kokkos::parallel_for(
      label, Policy(exec, 0, (size + block - 1) / block), KOKKOS_LAMBDA(std::size_t i) {
        std::size_t const begin = i * block;
        body(begin, begin + block < size ? begin + block : size);
      });
}

}  // namespace atl::kernels
