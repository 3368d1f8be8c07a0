#include "outer/codec.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <string_view>
#include <utility>

#include "base/error.hpp"
#include "outer/block_codec.hpp"
#include "outer/blocks.hpp"
#include "outer/coded_numbers.hpp"

namespace atl::outer {

namespace {

static_assert(std::endian::native == std::endian::little, "what travels is little-endian");

void encode_bf16(std::span<float const> values, std::byte* to) {
  float const* const from = values.data();
  for (std::size_t i = 0; i < values.size(); ++i) {
    std::uint16_t const half = to_bf16(from[i]);
    std::memcpy(to + i * sizeof half, &half, sizeof half);  // bytes are aligned to nothing
  }
}

void decode_bf16(std::byte const* from, std::span<float> out) {
  float* const to = out.data();
  for (std::size_t i = 0; i < out.size(); ++i) {
    std::uint16_t half = 0;
    std::memcpy(&half, from + i * sizeof half, sizeof half);
    to[i] = from_bf16(half);
  }
}

}  // namespace

Codec codec_named(std::string_view name) {
  constexpr std::pair<std::string_view, Codec> codecs[] = {{"fp32", Codec::fp32},
                                                           {"bf16", Codec::bf16},
                                                           {"int8", Codec::int8},
                                                           {"int4", Codec::int4},
                                                           {"e3m0", Codec::e3m0}};
  auto const found = std::ranges::find(codecs, name, [](auto const& codec) { return codec.first; });
  base::ensure(found != std::end(codecs), "every codec of a deck is known here");
  return found->second;
}

std::size_t encoded_bytes(Codec codec, std::size_t count) {
  if (codec == Codec::fp32) return count * sizeof(float);
  if (codec == Codec::bf16) return count * sizeof(std::uint16_t);
  return encoded_block_bytes(codec, count);
}

void encode(Codec codec, std::span<float const> values, std::span<std::byte> out) {
  base::ensure(out.size() == encoded_bytes(codec, values.size()), "coded numbers need room of their size");
  if (values.empty()) return;
  if (codec == Codec::fp32) {
    std::memcpy(out.data(), values.data(), out.size());
  } else if (codec == Codec::bf16) {
    encode_bf16(values, out.data());
  } else {
    encode_blocks(codec, values, out);
  }
}

std::vector<std::byte> encode(Codec codec, std::span<float const> values) {
  std::vector<std::byte> bytes(encoded_bytes(codec, values.size()));
  encode(codec, values, bytes);
  return bytes;
}

void decode(Codec codec, std::span<std::byte const> bytes, std::span<float> out) {
  base::ensure(bytes.size() == encoded_bytes(codec, out.size()),
               "coded numbers have the size of their codec");
  if (out.empty()) return;
  if (codec == Codec::fp32) {
    std::memcpy(out.data(), bytes.data(), bytes.size());
  } else if (codec == Codec::bf16) {
    decode_bf16(bytes.data(), out);
  } else {
    decode_blocks(codec, bytes, out);
  }
}

std::span<float const> decoded(Codec codec, std::span<std::byte const> bytes, std::size_t count,
                               std::vector<float>& room) {
  bool const is_aligned = reinterpret_cast<std::uintptr_t>(bytes.data()) % alignof(float) == 0;
  if (codec == Codec::fp32 && is_aligned && bytes.size() == encoded_bytes(codec, count))
    return {reinterpret_cast<float const*>(bytes.data()), count};
  room.resize(count);
  decode(codec, bytes, room);
  return room;
}

std::vector<std::byte> moved(std::span<std::byte const> numbers, Codec codec,
                             std::span<std::byte const> differences) {
  std::vector<float> room, sum(numbers.size() / sizeof(float));
  decode(codec, differences, sum);
  auto const from = decoded(Codec::fp32, numbers, sum.size(), room);
  for (std::size_t i = 0; i < sum.size(); ++i) sum[i] += from[i];
  return encode(Codec::fp32, sum);
}

void difference(std::span<float const> base, std::span<float const> theta, std::span<float> out) {
  base::ensure(base.size() == theta.size() && out.size() == theta.size(),
               "a difference needs vectors of one size");
  float const* const from = base.data();
  float const* const to = theta.data();
  float* const result = out.data();
  for (std::size_t i = 0; i < out.size(); ++i) result[i] = from[i] - to[i];
}

bool is_finite(std::span<float const> values) {
  bool finite = true;
  for_each_block({0, values.size()}, [&](tensor::Range block) {
    std::uint32_t largest = 0;
    for (float const value : values.subspan(block.offset, block.size)) {
      largest = std::max(largest, magnitude_of(value));
    }
    finite = finite && largest < infinity_bits;
  });
  return finite;
}

double norm(std::span<float const> values) {
  double squares = 0.0;
  for_each_block({0, values.size()}, [&](tensor::Range block) {
    squares += sum_of_squares(values.subspan(block.offset, block.size));
  });
  return std::sqrt(squares);
}

}  // namespace atl::outer
