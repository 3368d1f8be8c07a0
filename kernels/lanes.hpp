// What the loops within a row run on. On the host a row has one thread, and they are vectorized; on a device
// it has a team of threads, its lanes, which take elements in turn, so that neighbours read neighbouring
// memory.
//
// Element c is one lane's in all loops of a row: a loop may read at its own element what an earlier one wrote
// there. Where it reads at another, wait() stands between them. All lanes must come to every member. Sums are
// the same in every run: their order depends on the width that for_rows() was given.
#pragma once

#include <Kokkos_Core.hpp>
#include <limits>

#include "kernels/views.hpp"

namespace atl::kernels {

constexpr bool runs_on_host = std::is_same_v<Exec, Kokkos::DefaultHostExecutionSpace>;

// Terms of sums that are made side by side.
template <std::size_t Count>
struct Terms {
  float of[Count];
};

class HostLanes {
 public:
  // body(c) for c in [0, size): the calls know nothing of one another.
  template <class Body>
  KOKKOS_FORCEINLINE_FUNCTION void each(std::size_t size, Body const& body) const {
#pragma omp simd
    for (std::size_t c = 0; c < size; ++c) body(c);
  }

  // body(p, c) for c in [0, size), for p in [0, parts).
  template <class Body>
  KOKKOS_FORCEINLINE_FUNCTION void each(std::size_t parts, std::size_t size, Body const& body) const {
    for (std::size_t p = 0; p < parts; ++p) {
#pragma omp simd
      for (std::size_t c = 0; c < size; ++c) body(p, c);
    }
  }

  // Once, for what is no loop: body().
  template <class Body>
  KOKKOS_FORCEINLINE_FUNCTION void once(Body const& body) const {
    body();
  }

  // The sum of term(c); all lanes have it.
  template <class Term>
  KOKKOS_FORCEINLINE_FUNCTION float sum(std::size_t size, Term const& term) const {
    float total = 0.0F;
#pragma omp simd reduction(+ : total)
    for (std::size_t c = 0; c < size; ++c) total += term(c);
    return total;
  }

  // Of both that term(c) returns.
  template <class Term>
  KOKKOS_FORCEINLINE_FUNCTION Terms<2> sums(std::size_t size, Term const& term) const {
    float first = 0.0F, second = 0.0F;
#pragma omp simd reduction(+ : first, second)
    for (std::size_t c = 0; c < size; ++c) {
      Terms<2> const terms = term(c);
      first += terms.of[0];
      second += terms.of[1];
    }
    return {first, second};
  }

  // The largest value(c), or -inf.
  template <class Value>
  KOKKOS_FORCEINLINE_FUNCTION float highest(std::size_t size, Value const& value) const {
    float maximum = -std::numeric_limits<float>::infinity();
#pragma omp simd reduction(max : maximum)
    for (std::size_t c = 0; c < size; ++c) {
      float const here = value(c);
      maximum = here > maximum ? here : maximum;
    }
    return maximum;
  }

  // The first i in [begin, end) where is_it(i), else `end`.
  template <class Predicate>
  KOKKOS_FORCEINLINE_FUNCTION std::size_t first(std::size_t begin, std::size_t end,
                                                Predicate const& is_it) const {
    while (begin < end && !is_it(begin)) ++begin;
    return begin;
  }

  // Until all lanes are here, and see what the others wrote.
  KOKKOS_FORCEINLINE_FUNCTION void wait() const {}
};

constexpr int most_lanes = 512;
using Teams = Kokkos::TeamPolicy<Exec, Kokkos::LaunchBounds<most_lanes>>;
using Team = Teams::member_type;

// The same members.
class TeamLanes {
 public:
  KOKKOS_FORCEINLINE_FUNCTION explicit TeamLanes(Team const& team)
      : team_(team), lane_(team.team_rank()), lanes_(team.team_size()) {}

  template <class Body>
  KOKKOS_FORCEINLINE_FUNCTION void each(std::size_t size, Body const& body) const {
    for (std::size_t c = lane_; c < size; c += lanes_) body(c);
  }

  template <class Body>
  KOKKOS_FORCEINLINE_FUNCTION void each(std::size_t parts, std::size_t size, Body const& body) const {
    each(parts * size, [&](std::size_t i) { body(i / size, i % size); });
  }

  template <class Body>
  KOKKOS_FORCEINLINE_FUNCTION void once(Body const& body) const {
    if (lane_ == 0) body();
  }

  template <class Term>
  KOKKOS_FORCEINLINE_FUNCTION float sum(std::size_t size, Term const& term) const {
    float total = 0.0F;
    each(size, [&](std::size_t c) { total += term(c); });
    team_.team_reduce(Kokkos::Sum<float>(total));
    return total;
  }

  template <class Term>
  KOKKOS_FORCEINLINE_FUNCTION Terms<2> sums(std::size_t size, Term const& term) const {
    float first = 0.0F, second = 0.0F;
    each(size, [&](std::size_t c) {
      Terms<2> const terms = term(c);
      first += terms.of[0];
      second += terms.of[1];
    });
    team_.team_reduce(Kokkos::Sum<float>(first));
    team_.team_reduce(Kokkos::Sum<float>(second));
    return {first, second};
  }

  template <class Value>
  KOKKOS_FORCEINLINE_FUNCTION float highest(std::size_t size, Value const& value) const {
    float maximum = -std::numeric_limits<float>::infinity();
    each(size, [&](std::size_t c) {
      float const here = value(c);
      maximum = here > maximum ? here : maximum;
    });
    team_.team_reduce(Kokkos::Max<float>(maximum));
    return maximum;
  }

  template <class Predicate>
  KOKKOS_FORCEINLINE_FUNCTION std::size_t first(std::size_t begin, std::size_t end,
                                                Predicate const& is_it) const {
    for (; begin < end; begin += lanes_) {
      std::size_t const i = begin + lane_;
      std::size_t found = i < end && is_it(i) ? i : end;
      team_.team_reduce(Kokkos::Min<std::size_t>(found));
      if (found < end) return found;
    }
    return end;
  }

  KOKKOS_FORCEINLINE_FUNCTION void wait() const { team_.team_barrier(); }

 private:
  Team const& team_;
  std::size_t lane_, lanes_;
};

using Lanes = std::conditional_t<runs_on_host, HostLanes, TeamLanes>;

// From a warp up, as long as each lane is left a few elements.
inline int lanes_for(std::size_t width) {
  int lanes = 32;
  while (lanes < most_lanes && 4 * static_cast<std::size_t>(lanes) < width) lanes *= 2;
  return lanes;
}

}  // namespace atl::kernels
