// The parallel loops of the kernels' sources, which are good on the host and on a device alike. Their order
// is the same in every run.
#pragma once

#include "kernels/lanes.hpp"
#include "kernels/operations.hpp"
#include "kernels/region.hpp"
#include "kernels/views.hpp"

namespace atl::kernels {

using Policy = Kokkos::RangePolicy<Exec, Kokkos::IndexType<std::size_t>>;

// body(n) for n in [0, count), a thread each.
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

// body(lanes, n) for n in [0, count): rows of about `width` elements, whose loops are the lanes'.
template <class Body>
void for_rows(Exec const& exec, char const* label, std::size_t count, std::size_t width, Body const& body) {
  if constexpr (runs_on_host) {
    for_rows(exec, label, count, [=](std::size_t n) { body(HostLanes(), n); });
  } else {
    Kokkos::parallel_for(
        label, Teams(exec, static_cast<int>(count), lanes_for(width)), KOKKOS_LAMBDA(Team const& team) {
          body(TeamLanes(team), static_cast<std::size_t>(team.league_rank()));
        });
  }
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

// Elements of a vector that one thread takes: on a device neighbours are different threads'.
constexpr std::size_t elements_at_once = runs_on_host ? 4096 : 1;

// body(i) for the elements [0, size) of vectors: the calls know nothing of one another.
template <class Body>
void for_elements(Exec const& exec, char const* label, std::size_t size, Body const& body) {
  if constexpr (runs_on_host) {
    for_blocks(exec, label, size, elements_at_once, [=](std::size_t begin, std::size_t end) {
      Body const own = body;  // which nothing that it writes can change: its numbers stay in registers
#pragma omp simd
      for (std::size_t i = begin; i < end; ++i) own(i);
    });
  } else {
    for_rows(exec, label, size, body);
  }
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
