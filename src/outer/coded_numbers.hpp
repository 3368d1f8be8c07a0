// One number in each codec of less than 32 bits (PROTOCOL.md §5): for whoever walks over many, on the host or
// on a device.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <numbers>

namespace atl::outer {

inline constexpr std::uint32_t magnitude_bits = 0x7fffffff;
inline constexpr std::uint32_t infinity_bits = 0x7f800000;

// NaN and infinity are the values whose magnitude, read as an integer, is at least that of infinity.
constexpr std::uint32_t magnitude_of(float number) {
  return std::bit_cast<std::uint32_t>(number) & magnitude_bits;
}
constexpr bool is_finite(float number) { return magnitude_of(number) < infinity_bits; }

// ---- bf16 ----

// Adding just under half of what is cut off, or half where the last bit that stays is odd, rounds to nearest,
// ties to even. A NaN must not be rounded to an infinity; its highest bit of mantissa keeps it one.
constexpr std::uint16_t to_bf16(float value) {
  auto const bits = std::bit_cast<std::uint32_t>(value);
  std::uint32_t const rounded = (bits + 0x7fff + (bits >> 16 & 1)) >> 16;
  bool const is_nan = (bits & magnitude_bits) > infinity_bits;
  return static_cast<std::uint16_t>(is_nan ? bits >> 16 | 0x40 : rounded);
}

constexpr float from_bf16(std::uint16_t half) {
  return std::bit_cast<float>(static_cast<std::uint32_t>(half) << 16);
}

// ---- blocks of numbers, each its scale and then its codes ----

inline constexpr std::size_t coded_block_elements = 256;  // the last block may be shorter

inline constexpr float no_scale =
    std::numeric_limits<float>::quiet_NaN();  // all numbers of its block are NaN

// Of the largest magnitude in a block: none where it is not finite, and 0 where all are too small to be
// coded.
constexpr float scale_for(std::uint32_t largest) {
  constexpr float smallest = 0x1p-100F;  // the inverse of a smaller one may overflow
  if (largest >= infinity_bits) return no_scale;
  auto const scale = std::bit_cast<float>(largest);
  return scale < smallest ? 0.0F : scale;
}

// int8, int4: so many equal steps on either side of 0.
template <int Count>
struct InSteps {
  static constexpr float steps = Count;

  // What numbers are multiplied with before they are coded.
  static constexpr float factor(float scale) { return scale > 0.0F ? steps / scale : 0.0F; }

  // To the nearest, ties to even: in this sum the lowest bits are the whole number, in two's complement.
  static constexpr std::uint8_t code(float number, float factor) {
    constexpr float rounding = 0x1.8p23F;
    return static_cast<std::uint8_t>(std::bit_cast<std::uint32_t>(number * factor + rounding));
  }

  // All steps are the scale itself, so that decoded numbers have the code that they came from.
  static constexpr float number(std::int8_t code, float scale) {
    return static_cast<float>(code) / steps * scale;
  }
};

// e3m0: sign, and a level 1..7 for 2^(level - 7) of the scale; 0 for 0.
struct InPowers {
  static constexpr std::uint32_t bias = 120;  // of a level against the exponent of a float

  // To the nearest power in log space: with the factor sqrt(2), that is the exponent.
  static constexpr float factor(float scale) {
    return scale > 0.0F ? std::numbers::sqrt2_v<float> / scale : 0.0F;
  }

  static constexpr std::uint8_t code(float number, float factor) {
    auto const bits = std::bit_cast<std::uint32_t>(number * factor);
    std::uint32_t const exponent = (bits & magnitude_bits) >> 23;
    std::uint32_t const level = exponent < bias ? 0 : exponent > bias + 7 ? 7 : exponent - bias;
    return static_cast<std::uint8_t>(bits >> 31 << 3 | level);
  }

  static constexpr float number(std::int8_t signed_code, float scale) {
    auto const code = static_cast<std::uint32_t>(signed_code);
    std::uint32_t const level = code & 7;
    std::uint32_t const power = level == 0 ? 0 : (level + bias) << 23;
    return std::bit_cast<float>(power | code >> 3 << 31) * scale;
  }
};

using Int8 = InSteps<127>;
using Int4 = InSteps<7>;

}  // namespace atl::outer
