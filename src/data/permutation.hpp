// A keyed permutation of 0 .. size-1 that needs no table: any element in constant time, whatever the size.
#pragma once

#include <bit>
#include <cstdint>
#include <utility>

#include "base/rng.hpp"

namespace atl::data {

// A balanced Feistel network (Luby and Rackoff, 1988) over the smallest even number of bits that holds
// `size`, walking on until the value falls below `size` again (Black and Rogaway, CT-RSA 2002): fewer than
// four passes on average.
class Permutation {
 public:
  // `size` is 1 .. 2^62. Different (key, stream) give unrelated permutations.
  Permutation(std::uint64_t size, std::uint64_t key, std::uint64_t stream)
      : size_(size),
        half_bits_((static_cast<int>(std::bit_width(size - 1)) + 1) / 2),
        random_{key},
        stream_(stream) {}

  std::uint64_t operator()(std::uint64_t index) const {
    do {
      index = shuffle(index);
    } while (index >= size_);
    return index;
  }

 private:
  static constexpr std::uint64_t rounds = 6;

  std::uint64_t shuffle(std::uint64_t value) const {
    std::uint64_t const mask = (std::uint64_t{1} << half_bits_) - 1;
    std::uint64_t left = value >> half_bits_, right = value & mask;
    for (std::uint64_t round = 0; round < rounds; ++round) {
      std::uint64_t const mixed = random_.words(stream_, round << 32 | right)[0] & mask;
      left = std::exchange(right, left ^ mixed);
    }
    return left << half_bits_ | right;
  }

  std::uint64_t size_;
  int half_bits_;
  base::Philox random_;
  std::uint64_t stream_;
};

}  // namespace atl::data
