// Sums over rows, a column each: what gradients of weights and biases are.
#pragma once

#include "kernels/loops.hpp"

namespace atl::kernels {

// Rows n that are `period` apart are summed: `period` sums a column.
struct SumsOfColumns {
  std::size_t rows, width, period = 1;
};

// put(p, c, sums) with sums.of[k] = sum of term(n, c).of[k] over all n with n % period = p, in double, for
// all p and all c in [0, width). The order of a sum depends on the shape alone: of n on the host, where a
// thread takes a block of columns; see below for a device.
template <std::size_t Count, class Term, class Put>
void sum_columns(Exec const& exec, char const* label, SumsOfColumns const& shape, Term const& term,
                 Put const& put) {
  std::size_t const rows = shape.rows, width = shape.width, period = shape.period;
  if constexpr (runs_on_host) {
    constexpr std::size_t block = 64;
    std::size_t const blocks = (width + block - 1) / block;
    for_rows(exec, label, period * blocks, [=](std::size_t i) {
      std::size_t const first = i / blocks, begin = i % blocks * block;
      std::size_t const size = width - begin < block ? width - begin : block;
      double sums[Count][block] = {};
      for (std::size_t n = first; n < rows; n += period) {
        HostLanes().each(size, [&](std::size_t c) {
          Terms<Count> const terms = term(n, begin + c);
          for (std::size_t k = 0; k < Count; ++k) sums[k][c] += terms.of[k];
        });
      }
      for (std::size_t c = 0; c < size; ++c) {
        Terms<Count> totals;
        for (std::size_t k = 0; k < Count; ++k) totals.of[k] = static_cast<float>(sums[k][c]);
        put(first, begin + c, totals);
      }
    });
  } else {
    // A team takes a few columns: 8 where sums are long, 32 bytes a row, which is the least that memory is
    // read by. Its threads are `groups` groups of a thread a column, which take rows in turn; then the first
    // adds up what all have. Of a model's widths that makes about as many teams as a large device has
    // multiprocessors, without a second kernel and memory between the two.
    constexpr std::size_t threads = most_lanes, most_groups = threads / 8;
    std::size_t groups = 1;
    while (groups < most_groups && 8 * groups * period <= rows) groups *= 2;
    std::size_t const columns = threads / groups, blocks = (width + columns - 1) / columns;
    using Parts = Kokkos::View<double*, Exec::scratch_memory_space, Kokkos::MemoryTraits<Kokkos::Unmanaged>>;
    Teams teams(exec, static_cast<int>(period * blocks), static_cast<int>(threads));
    teams.set_scratch_size(0, Kokkos::PerTeam(static_cast<int>(Parts::shmem_size(Count * threads))));
    Kokkos::parallel_for(
        label, teams, KOKKOS_LAMBDA(Team const& team) {
          auto const league = static_cast<std::size_t>(team.league_rank());
          auto const thread = static_cast<std::size_t>(team.team_rank());
          std::size_t const first = league / blocks, group = thread / columns;
          std::size_t const c = league % blocks * columns + thread % columns;
          double sums[Count] = {};
          if (c < width) {
            for (std::size_t n = first + group * period; n < rows; n += groups * period) {
              Terms<Count> const terms = term(n, c);
              for (std::size_t k = 0; k < Count; ++k) sums[k] += terms.of[k];
            }
          }
          Parts const parts(team.team_scratch(0), Count * threads);
          for (std::size_t k = 0; k < Count; ++k) parts(k * threads + thread) = sums[k];
          team.team_barrier();
          if (group > 0 || c >= width) return;
          Terms<Count> totals;
          for (std::size_t k = 0; k < Count; ++k) {
            double total = 0.0;
            for (std::size_t i = thread; i < threads; i += columns) total += parts(k * threads + i);
            totals.of[k] = static_cast<float>(total);
          }
          put(first, c, totals);
        });
  }
}

}  // namespace atl::kernels
