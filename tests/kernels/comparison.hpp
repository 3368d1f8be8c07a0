// Random numbers for kernels, and how far their results are from those of a twin.
#pragma once

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>
#include <random>
#include <vector>

#include "kernels/reference/values.hpp"
#include "support/catch.hpp"

namespace atl::kernels::test {

// Uniform in [-amplitude, amplitude], the same for the same seed everywhere.
inline std::vector<float> random_floats(std::size_t size, std::uint32_t seed, float amplitude) {
  std::mt19937 bits(seed);
  std::vector<float> data(size);
  for (float& x : data) x = amplitude * (static_cast<float>(bits() >> 8U) * 0x1p-23F - 1.0F);
  return data;
}

// The largest error, relative to the largest expected magnitude: rounding in sums scales with the whole, not
// with the element that happens to be near zero.
inline double relative_error(std::vector<float> const& actual, reference::Values const& expected) {
  REQUIRE(actual.size() == expected.size());
  double largest = std::numeric_limits<double>::min(), error = 0.0;
  for (std::size_t i = 0; i < actual.size(); ++i) {
    if (!std::isfinite(actual[i])) return std::numeric_limits<double>::infinity();
    largest = std::max(largest, std::abs(expected[i]));
    error = std::max(error, std::abs(static_cast<double>(actual[i]) - expected[i]));
  }
  return error / largest;
}

inline bool bit_equal(std::vector<float> const& a, std::vector<float> const& b) {
  auto const bits = [](float x) { return std::bit_cast<std::uint32_t>(x); };
  return std::ranges::equal(a, b, {}, bits, bits);
}

}  // namespace atl::kernels::test
