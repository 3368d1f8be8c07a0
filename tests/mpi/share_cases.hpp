// Vectors and shares that sums by shares are tested with, on hosts and on GPUs.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <span>
#include <vector>

#include "comm/shares.hpp"

namespace atl::test {

using Vector = std::vector<float>;
using Sizes = std::vector<std::size_t>;

// Numbers of very different size, so that another order of addition gives other bits.
inline Vector gradients_of(int rank, std::size_t size) {
  Vector values(size);
  std::uint32_t state = 12345u + static_cast<std::uint32_t>(rank);
  for (float& value : values) {
    state = state * 1664525u + 1013904223u;
    value = std::ldexp(static_cast<float>(state >> 8) - 0x1p23f, static_cast<int>(state >> 28));
  }
  return values;
}

// Rank 0's + rank 1's + ... in float.
inline Vector serial_sum(int ranks, std::size_t size) {
  Vector sum = gradients_of(0, size);
  for (int rank = 1; rank < ranks; ++rank) {
    Vector const addend = gradients_of(rank, size);
    for (std::size_t i = 0; i < size; ++i) sum[i] += addend[i];
  }
  return sum;
}

inline bool same_bits(std::span<float const> a, std::span<float const> b) {
  return std::ranges::equal(std::as_bytes(a), std::as_bytes(b));
}

// Shares of all kinds: nearly equal, all on one rank, empty in between, and longer than what is received at
// once.
inline std::vector<Sizes> cuts_for(std::size_t ranks) {
  Sizes equal(ranks, 1000), uneven(ranks), last(ranks, 0), alternating(ranks, 0);
  for (std::size_t r = 0; r < ranks; ++r) {
    uneven[r] = 17 + 31 * r * r;
    if (r % 2 == 0) alternating[r] = 5 + r;
  }
  last.back() = 2700001;
  uneven.front() = 2600001;
  return {Sizes(ranks, 0), equal, uneven, last, alternating};
}

// The vector in parts, from its end to its begin, as gradients become known.
inline std::vector<comm::Part> parts_backwards(std::size_t size, std::size_t part) {
  std::vector<comm::Part> parts;
  for (std::size_t end = size; end > 0;) {
    std::size_t const begin = end > part ? end - part : 0;
    parts.push_back({begin, end - begin});
    end = begin;
  }
  return parts;
}

}  // namespace atl::test
