// The parallel loops of the kernels' sources. Inside them the loop over the contiguous dimension is a
// plain one under `#pragma omp simd`: that vectorizes on the host, and its order is the same in every run.
#pragma once

#include "kernels/operations.hpp"
#include "kernels/region.hpp"
#include "kernels/views.hpp"

namespace atl::kernels {

using Policy = Kokkos::RangePolicy<Exec, Kokkos::IndexType<std::size_t>>;

constexpr bool runs_on_host = std::is_same_v<Exec, Kokkos::DefaultHostExecutionSpace>;

// body(n) for n in [0, count).
template <class Body>
void for_rows(Exec const& exec, char const* label, std::size_t count, Body const& body) {
  if constexpr (runs_on_host) {
    if (is_sharing) {
      for (std::size_t n = 0; n < count; ++n) body(n);
      return;
    }
  }
  Kokkos::parallel_for(label, Policy(exec, 0, count), body);
}

// body(begin, end) for consecutive blocks of [0, size); they depend on `size` and `block` alone.
template <class Body>
void for_blocks(Exec const& exec, char const* label, std::size_t size, std::size_t block, Body const& body) {
  for_rows(
      exec, label, (size + block - 1) / block, KOKKOS_LAMBDA(std::size_t i) {
        std::size_t const begin = i * block;
        body(begin, begin + block < size ? begin + block : size);
      });
}

// Threads that share_out() has work for at once; on a device 1.
inline std::size_t sharers() {
  if constexpr (runs_on_host)
    return static_cast<std::size_t>(Exec().concurrency());
  else
    return 1;
}

// body(n, sharer) for n in [0, count): large pieces of work, a thread each, within which all loops above are
// plain ones. That costs less than many small loops that every thread has a part of; it must not throw. On a
// device the pieces come one after the other, and their loops are kernels.
template <class Body>
void share_out(Exec const& exec, char const* label, std::size_t count, Body const& body) {
  std::size_t const all = sharers();
  if constexpr (runs_on_host) {
    if (all > 1) {
      Kokkos::parallel_for(label, Policy(exec, 0, all), [&](std::size_t sharer) {
        is_sharing = true;
        for (std::size_t n = sharer; n < count; n += all) body(n, sharer);
        is_sharing = false;
      });
      return;
    }
  }
  for (std::size_t n = 0; n < count; ++n) body(n, 0);
}

}  // namespace atl::kernels
