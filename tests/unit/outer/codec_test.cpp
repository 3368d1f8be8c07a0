// How numbers travel: what is exact, what is rounded and how.
#include "outer/codec.hpp"

#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>

#include "base/error.hpp"
#include "base/rng.hpp"
#include "support/catch.hpp"

using namespace atl;
using outer::Codec;

namespace {

using Vector = std::vector<float>;

Vector there_and_back(Codec codec, Vector const& values) {
  Vector out(values.size());
  outer::decode(codec, outer::encode(codec, values), out);
  return out;
}

float through_bf16(float value) { return there_and_back(Codec::bf16, {value})[0]; }
float with_bits(std::uint32_t bits) { return std::bit_cast<float>(bits); }

}  // namespace

TEST_CASE("a codec is known by its name, and nothing else is") {
  CHECK(outer::codec_named("fp32") == Codec::fp32);
  CHECK(outer::codec_named("bf16") == Codec::bf16);
  CHECK(outer::codec_named("int8") == Codec::int8);
  CHECK(outer::codec_named("int4") == Codec::int4);
  CHECK(outer::codec_named("e3m0") == Codec::e3m0);
  CHECK_THROWS(outer::codec_named("int2"));
}

TEST_CASE("fp32 is exact, four bytes a number") {
  Vector const values = {0.1f, -3e38f, 1e-40f, 0.0f};
  auto const bytes = outer::encode(Codec::fp32, values);
  CHECK(bytes.size() == 16);
  CHECK(there_and_back(Codec::fp32, values) == values);
}

TEST_CASE("bf16 is two bytes a number, the lower first") {
  auto const bytes = outer::encode(Codec::bf16, Vector{1.0f, -2.0f});  // 3f80, c000
  CHECK(bytes == std::vector{std::byte{0x80}, std::byte{0x3f}, std::byte{0}, std::byte{0xc0}});
}

TEST_CASE("bf16 rounds to the nearest, and ties to even") {
  CHECK(through_bf16(with_bits(0x3f800001)) == 1.0f);
  CHECK(through_bf16(with_bits(0x3f807fff)) == 1.0f);
  CHECK(through_bf16(with_bits(0x3f808000)) == 1.0f);  // half way, 3f80 is even
  CHECK(through_bf16(with_bits(0x3f808001)) == with_bits(0x3f810000));
  CHECK(through_bf16(with_bits(0x3f818000)) == with_bits(0x3f820000));  // half way, 3f81 is odd
  CHECK(through_bf16(with_bits(0x3fffffff)) == 2.0f);                   // into the exponent
  CHECK(through_bf16(with_bits(0xbf818000)) == with_bits(0xbf820000));
  CHECK(through_bf16(with_bits(0x00008001)) == with_bits(0x00010000));  // denormal
}

TEST_CASE("bf16 keeps what is special") {
  constexpr float infinity = std::numeric_limits<float>::infinity();
  CHECK(through_bf16(infinity) == infinity);
  CHECK(through_bf16(-infinity) == -infinity);
  CHECK(through_bf16(std::numeric_limits<float>::max()) == infinity);
  CHECK(std::signbit(through_bf16(-0.0f)));
  for (std::uint32_t const bits : {0x7f800001u, 0x7fffffffu, 0xff800001u, 0xffffffffu}) {
    CHECK(std::isnan(through_bf16(with_bits(bits))));
  }
}

TEST_CASE("bf16 is never further off than half of its last bit, and exact the second time") {
  base::Philox const random{11};
  Vector values;
  for (std::uint64_t i = 0; i < 5000; ++i) {
    values.push_back(
        static_cast<float>((random.uniform(1, i) - 0.5) * std::exp2(60.0 * random.uniform(2, i) - 40.0)));
  }
  auto const rounded = there_and_back(Codec::bf16, values);
  bool is_close = true;
  for (std::size_t i = 0; i < values.size(); ++i) {
    is_close = is_close && std::abs(rounded[i] - values[i]) <= std::abs(values[i]) / 256.0f;
  }
  CHECK(is_close);
  CHECK(there_and_back(Codec::bf16, rounded) == rounded);
}

TEST_CASE("fp32 is read where it lies if that is aligned, else copied") {
  Vector const values = {1.5f, -2.5f, 3.5f};
  auto const bytes = outer::encode(Codec::fp32, values);
  Vector room;
  auto const seen = outer::decoded(Codec::fp32, bytes, values.size(), room);
  CHECK(Vector(seen.begin(), seen.end()) == values);
  CHECK(room.empty());

  std::vector<std::byte> shifted(bytes.size() + 1);
  std::copy(bytes.begin(), bytes.end(), shifted.begin() + 1);
  auto const copied = outer::decoded(Codec::fp32, std::span(shifted).subspan(1), values.size(), room);
  CHECK(Vector(copied.begin(), copied.end()) == values);

  auto const halves = outer::encode(Codec::bf16, values);
  auto const widened = outer::decoded(Codec::bf16, halves, values.size(), room);
  CHECK(Vector(widened.begin(), widened.end()) == values);
}

TEST_CASE("coded numbers of another size are refused") {
  Vector room(3);
  auto const codec = GENERATE(Codec::fp32, Codec::bf16, Codec::int8, Codec::int4, Codec::e3m0);
  std::vector<std::byte> const bytes(outer::encoded_bytes(codec, 3) - 1);
  CHECK_THROWS_AS(outer::decode(codec, bytes, room), base::RuntimeFailure);
  CHECK_THROWS_AS(outer::decoded(codec, bytes, 3, room), base::RuntimeFailure);
  CHECK(outer::encode(codec, Vector{}).empty());
}
