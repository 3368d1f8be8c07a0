#include "outer/block_codec.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>
#include <cstring>
#include <limits>
#include <numbers>

namespace atl::outer {

namespace {

// Loops over whole blocks vectorize; a short block is filled up with zeros.
using Numbers = std::array<float, coded_block_elements>;
using Codes = std::array<std::uint8_t, coded_block_elements>;

constexpr std::uint32_t magnitude_bits = 0x7fffffff;
constexpr std::uint32_t infinity_bits = 0x7f800000;
constexpr float no_scale = std::numeric_limits<float>::quiet_NaN();  // makes every number of its block a NaN
constexpr float smallest_scale = 0x1p-100F;  // the inverse of a smaller one may overflow

std::size_t code_bytes(Codec codec, std::size_t count) {
  return codec == Codec::int8 ? count : (count + 1) / 2;
}

// The largest magnitude; none where a number is not finite, and 0 where all are too small to be coded.
float scale_of(Numbers const& numbers) {
  std::uint32_t largest = 0;
  for (float const number : numbers) {
    largest = std::max(largest, std::bit_cast<std::uint32_t>(number) & magnitude_bits);
  }
  if (largest >= infinity_bits) return no_scale;
  auto const scale = std::bit_cast<float>(largest);
  return scale < smallest_scale ? 0.0F : scale;
}

// ---- int8, int4: so many equal steps on either side of 0 ----

float steps_of(Codec codec) { return codec == Codec::int8 ? 127.0F : 7.0F; }

// To the nearest, ties to even: in this sum the lowest bits are the whole number, in two's complement.
void to_steps(Numbers const& numbers, float scale, float steps, Codes& codes) {
  constexpr float rounding = 0x1.8p23F;
  float const factor = scale > 0.0F ? steps / scale : 0.0F;
  for (std::size_t i = 0; i < codes.size(); ++i) {
    codes[i] = static_cast<std::uint8_t>(std::bit_cast<std::uint32_t>(numbers[i] * factor + rounding));
  }
}

// `shift`: the bits of a code that do not belong to its number. All steps are the scale itself, so that
// decoded numbers have the code that they came from.
void from_steps(Codes const& codes, float scale, float steps, int shift, Numbers& numbers) {
  for (std::size_t i = 0; i < codes.size(); ++i) {
    auto const number = static_cast<std::int8_t>(codes[i] << shift) >> shift;
    numbers[i] = static_cast<float>(number) / steps * scale;
  }
}

// ---- e3m0: sign, and a level 1..7 for 2^(level - 7) of the scale; 0 for 0 ----

constexpr std::uint32_t bias = 120;  // of a level against the exponent of a float

// To the nearest power in log space: with the factor sqrt(2), that is the exponent.
void to_powers(Numbers const& numbers, float scale, Codes& codes) {
  float const factor = scale > 0.0F ? std::numbers::sqrt2_v<float> / scale : 0.0F;
  for (std::size_t i = 0; i < codes.size(); ++i) {
    auto const bits = std::bit_cast<std::uint32_t>(numbers[i] * factor);
    std::uint32_t const level = std::clamp((bits & magnitude_bits) >> 23, bias, bias + 7) - bias;
    codes[i] = static_cast<std::uint8_t>(bits >> 31 << 3 | level);
  }
}

void from_powers(Codes const& codes, float scale, Numbers& numbers) {
  for (std::size_t i = 0; i < codes.size(); ++i) {
    std::uint32_t const code = codes[i];
    std::uint32_t const level = code & 7;
    std::uint32_t const power = level == 0 ? 0 : (level + bias) << 23;
    numbers[i] = std::bit_cast<float>(power | code >> 3 << 31) * scale;
  }
}

// ---- two codes of 4 bits in a byte, the lower first ----

void pack(Codes& codes) {
  for (std::size_t i = 0; i < codes.size() / 2; ++i) {
    codes[i] = static_cast<std::uint8_t>((codes[2 * i] & 15) | codes[2 * i + 1] << 4);
  }
}

void unpack(Codes const& packed, Codes& codes) {
  for (std::size_t i = 0; i < codes.size() / 2; ++i) {
    codes[2 * i] = packed[i] & 15;
    codes[2 * i + 1] = packed[i] >> 4;
  }
}

void encode_block(Codec codec, std::span<float const> values, std::byte* out) {
  Numbers numbers;
  std::ranges::fill(std::ranges::copy(values, numbers.begin()).out, numbers.end(), 0.0F);
  float const scale = scale_of(numbers);
  Codes codes;
  if (codec == Codec::e3m0) {
    to_powers(numbers, scale, codes);
  } else {
    to_steps(numbers, scale, steps_of(codec), codes);
  }
  if (codec != Codec::int8) pack(codes);
  std::memcpy(out, &scale, sizeof scale);
  std::memcpy(out + sizeof scale, codes.data(), code_bytes(codec, values.size()));
}

void decode_block(Codec codec, std::byte const* bytes, std::span<float> out) {
  float scale = 0.0F;
  std::memcpy(&scale, bytes, sizeof scale);
  bool const is_scale = scale >= 0.0F && scale <= std::numeric_limits<float>::max();
  if (!is_scale) scale = no_scale;
  Codes codes{};
  std::memcpy(codes.data(), bytes + sizeof scale, code_bytes(codec, out.size()));
  Numbers numbers;
  if (codec == Codec::int8) {
    from_steps(codes, scale, steps_of(codec), 0, numbers);
  } else {
    Codes const packed = codes;
    unpack(packed, codes);
    if (codec == Codec::int4) from_steps(codes, scale, steps_of(codec), 4, numbers);
    if (codec == Codec::e3m0) from_powers(codes, scale, numbers);
  }
  std::copy_n(numbers.begin(), out.size(), out.begin());
}

// Calls visit(numbers before the block, numbers in it, bytes before it).
template <class Visit>
void for_each_coded_block(Codec codec, std::size_t count, Visit&& visit) {
  std::size_t const stride = encoded_block_bytes(codec, coded_block_elements);
  for (std::size_t block = 0; block * coded_block_elements < count; ++block) {
    std::size_t const done = block * coded_block_elements;
    visit(done, std::min(coded_block_elements, count - done), block * stride);
  }
}

}  // namespace

std::size_t encoded_block_bytes(Codec codec, std::size_t count) {
  std::size_t const blocks = (count + coded_block_elements - 1) / coded_block_elements;
  return blocks * sizeof(float) + code_bytes(codec, count);
}

void encode_blocks(Codec codec, std::span<float const> values, std::span<std::byte> out) {
  for_each_coded_block(codec, values.size(), [&](std::size_t done, std::size_t count, std::size_t bytes) {
    encode_block(codec, values.subspan(done, count), out.data() + bytes);
  });
}

void decode_blocks(Codec codec, std::span<std::byte const> bytes, std::span<float> out) {
  for_each_coded_block(codec, out.size(), [&](std::size_t done, std::size_t count, std::size_t before) {
    decode_block(codec, bytes.data() + before, out.subspan(done, count));
  });
}

}  // namespace atl::outer
