#include "outer/block_codec.hpp"

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>
#include <limits>

#include "outer/coded_numbers.hpp"

namespace atl::outer {

namespace {

// Loops over whole blocks vectorize; a short block is filled up with zeros.
using Numbers = std::array<float, coded_block_elements>;
using Codes = std::array<std::uint8_t, coded_block_elements>;

std::size_t code_bytes(Codec codec, std::size_t count) {
  return codec == Codec::int8 ? count : (count + 1) / 2;
}

float scale_of(Numbers const& numbers) {
  std::uint32_t largest = 0;
  for (float const number : numbers) largest = std::max(largest, magnitude_of(number));
  return scale_for(largest);
}

template <class Number>
void to_codes(Numbers const& numbers, float scale, Codes& codes) {
  float const factor = Number::factor(scale);
  for (std::size_t i = 0; i < codes.size(); ++i) codes[i] = Number::code(numbers[i], factor);
}

// `unused`: the bits of a code that do not belong to its number.
template <class Number>
void from_codes(Codes const& codes, float scale, int unused, Numbers& numbers) {
  for (std::size_t i = 0; i < codes.size(); ++i) {
    auto const code = static_cast<std::int8_t>(static_cast<std::int8_t>(codes[i] << unused) >> unused);
    numbers[i] = Number::number(code, scale);
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
  if (codec == Codec::int8) to_codes<Int8>(numbers, scale, codes);
  if (codec == Codec::int4) to_codes<Int4>(numbers, scale, codes);
  if (codec == Codec::e3m0) to_codes<InPowers>(numbers, scale, codes);
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
    from_codes<Int8>(codes, scale, 0, numbers);
  } else {
    Codes const packed = codes;
    unpack(packed, codes);
    if (codec == Codec::int4) from_codes<Int4>(codes, scale, 4, numbers);
    if (codec == Codec::e3m0) from_codes<InPowers>(codes, scale, 4, numbers);
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
