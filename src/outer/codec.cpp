#include "outer/codec.hpp"

#include <algorithm>
#include <bit>
#include <cstdint>

#include "base/error.hpp"
#include "outer/blocks.hpp"

namespace atl::outer {

void difference(std::span<float const> base, std::span<float const> theta, std::span<float> out) {
  base::ensure(base.size() == theta.size() && out.size() == theta.size(),
               "a difference needs vectors of one size");
  float const* const from = base.data();
  float const* const to = theta.data();
  float* const result = out.data();
  for (std::size_t i = 0; i < out.size(); ++i) result[i] = from[i] - to[i];
}

bool is_finite(std::span<float const> values) {
  // NaN and infinity are the values whose magnitude, read as an integer, is at least that of infinity.
  constexpr std::uint32_t magnitude_bits = 0x7fffffff;
  constexpr std::uint32_t infinity = 0x7f800000;
  bool finite = true;
  for_each_block({0, values.size()}, [&](tensor::Range block) {
    std::uint32_t largest = 0;
    for (float const value : values.subspan(block.offset, block.size)) {
      largest = std::max(largest, std::bit_cast<std::uint32_t>(value) & magnitude_bits);
    }
    finite = finite && largest < infinity;
  });
  return finite;
}

}  // namespace atl::outer
