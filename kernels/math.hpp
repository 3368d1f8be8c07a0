// Elementary functions that the compiler can vectorize; the C library's are calls.
#pragma once

#include <Kokkos_Core.hpp>
#include <bit>
#include <cstdint>
#include <limits>

namespace atl::kernels {

// e^x with a relative error below 2e-7, without branches. exp(-inf) = 0, exp(inf) = inf, NaN stays NaN;
// results below the smallest normal float are 0.
//
// x = n ln2 + r, |r| <= ln2/2; e^r by a polynomial of degree 6 (its relative error is minimal on that range:
// 3e-9), times 2^n by adding n to the exponent bits. Adding 1.5 * 2^23 rounds to the nearest integer and
// leaves it in the low bits.
KOKKOS_FORCEINLINE_FUNCTION float fast_exp(float x) {
  constexpr float log2e = 1.44269504F;
  constexpr float ln2_high = 0.693359375F;  // few bits, so that n * ln2_high is exact
  constexpr float ln2_low = -2.12194440e-4F;
  constexpr float round_to_integer = 12582912.0F;
  constexpr float lowest = -87.3365448F;  // log of the smallest normal float
  constexpr float highest = 88.7228394F;  // log of the largest float
  float const clamped = x < lowest ? lowest : (x > highest ? highest : x);
  float const shifted = clamped * log2e + round_to_integer;
  float const n = shifted - round_to_integer;
  float const r = (clamped - n * ln2_high) - n * ln2_low;
  float p = 1.38146132e-3F;
  p = p * r + 8.36870993e-3F;
  p = p * r + 4.16683874e-2F;
  p = p * r + 1.66665207e-1F;
  p = p * r + 4.99999935e-1F;
  p = p * r + 1.0F;
  p = p * r + 1.0F;
  auto const exponent = std::bit_cast<std::uint32_t>(shifted) << 23U;
  float const scaled = std::bit_cast<float>(std::bit_cast<std::uint32_t>(p) + exponent);
  float const above = x > highest ? std::numeric_limits<float>::infinity() : scaled;
  float const inside = x < lowest ? 0.0F : above;
  return x == x ? inside : x;
}

// 1 / (1 + e^-x)
KOKKOS_FORCEINLINE_FUNCTION float sigmoid(float x) { return 1.0F / (1.0F + fast_exp(-x)); }

}  // namespace atl::kernels
