// The codecs of less than 16 bits: which bytes stand for which numbers, what is rounded how, and what happens
// to numbers and bytes that should not be there.
#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>

#include "base/rng.hpp"
#include "outer/codec.hpp"
#include "support/catch.hpp"

using namespace atl;
using outer::Codec;

namespace {

using Vector = std::vector<float>;
using Bytes = std::vector<std::byte>;

constexpr float infinity = std::numeric_limits<float>::infinity();

Vector decoded(Codec codec, Bytes const& bytes, std::size_t count) {
  Vector out(count);
  outer::decode(codec, bytes, out);
  return out;
}

Vector there_and_back(Codec codec, Vector const& values) {
  return decoded(codec, outer::encode(codec, values), values.size());
}

Bytes bytes_of(float scale, std::vector<int> const& codes) {
  Bytes bytes(sizeof scale);
  std::memcpy(bytes.data(), &scale, sizeof scale);
  for (int const code : codes) bytes.push_back(static_cast<std::byte>(code));
  return bytes;
}

// About as outer gradients are: of very different lengths, block by block.
Vector noise(std::size_t size) {
  base::Philox const random{5};
  Vector values(size);
  for (std::size_t i = 0; i < size; ++i) {
    auto const exponent = static_cast<double>(i / 256 % 40) - 30.0;
    values[i] = static_cast<float>(std::exp2(exponent) * (random.uniform(1, i) - 0.5));
  }
  return values;
}

float largest(Vector const& values, std::size_t block) {
  float found = 0.0F;
  for (std::size_t i = 256 * block; i < std::min(256 * (block + 1), values.size()); ++i)
    found = std::max(found, std::abs(values[i]));
  return found;
}

}  // namespace

TEST_CASE("a block is its scale and then its codes, the last one as short as it is") {
  struct Size {
    Codec codec;
    std::size_t count, bytes;
  };
  for (auto const& [codec, count, bytes] :
       {Size{Codec::int8, 0, 0}, Size{Codec::int8, 1, 5}, Size{Codec::int8, 256, 260},
        Size{Codec::int8, 257, 265}, Size{Codec::int4, 0, 0}, Size{Codec::int4, 1, 5},
        Size{Codec::int4, 2, 5}, Size{Codec::int4, 3, 6}, Size{Codec::int4, 256, 132},
        Size{Codec::e3m0, 512, 264}, Size{Codec::e3m0, 515, 270}}) {
    CHECK(outer::encoded_bytes(codec, count) == bytes);
    CHECK(outer::encode(codec, noise(count)).size() == bytes);
  }
}

TEST_CASE("the bytes are the same everywhere") {
  CHECK(outer::encode(Codec::int8, Vector{127.0F, -127.0F, 2.4F, -1.0F}) ==
        bytes_of(127.0F, {127, 0x81, 2, 0xff}));
  CHECK(outer::encode(Codec::int4, Vector{7.0F, -7.0F, -1.0F}) == bytes_of(7.0F, {0x97, 0x0f}));
  CHECK(outer::encode(Codec::e3m0, Vector{2.0F, -1.0F, 1.0F / 32, 0.0F, -2.0F}) ==
        bytes_of(2.0F, {0xe7, 0x01, 0x0f}));
}

TEST_CASE("whole steps of the scale are exact, and between them the nearest counts, ties to even") {
  Vector const exact = {-7.0F, -6.0F, -1.0F, 0.0F, 3.0F, 7.0F};
  CHECK(there_and_back(Codec::int4, exact) == exact);
  CHECK(there_and_back(Codec::int4, {7.0F, 0.5F, 1.5F, -2.5F, 3.25F, 3.75F}) ==
        Vector{7.0F, 0.0F, 2.0F, -2.0F, 3.0F, 4.0F});
  CHECK(there_and_back(Codec::int8, {-127.0F, 0.5F, 1.5F, 99.0F, 98.75F}) ==
        Vector{-127.0F, 0.0F, 2.0F, 99.0F, 99.0F});
}

TEST_CASE("e3m0 knows the powers of two down to 1/64 of the scale, and 0") {
  Vector powers = {0.0F};
  for (float power = 1.0F; power >= 1.0F / 64; power /= 2)
    powers.insert(powers.end(), {3 * power, -3 * power});
  CHECK(there_and_back(Codec::e3m0, powers) == powers);
  // Nearest in log space: the border between 1/2 and 1 is their geometric mean, 0.7071; likewise that to 0.
  CHECK(there_and_back(Codec::e3m0, {1.0F, 0.7072F, -0.7070F, 0.36F, 0.0111F, 0.0110F}) ==
        Vector{1.0F, 1.0F, -0.5F, 0.5F, 1.0F / 64, 0.0F});
}

TEST_CASE("no number is further off than half of a step, or than a factor of sqrt 2") {
  auto const values = noise(256 * 40 + 77);
  auto const by_int8 = there_and_back(Codec::int8, values), by_int4 = there_and_back(Codec::int4, values);
  auto const by_e3m0 = there_and_back(Codec::e3m0, values);
  int wrong = 0;
  for (std::size_t i = 0; i < values.size(); ++i) {
    float const scale = largest(values, i / 256) * 1.00001F;
    wrong += std::abs(by_int8[i] - values[i]) > scale / 254 || std::abs(by_int4[i] - values[i]) > scale / 14;
    float const ratio = values[i] == 0.0F ? 0.0F : by_e3m0[i] / values[i];
    bool const is_near = ratio > 0.70710F && ratio < 1.41422F;
    wrong += !is_near && !(ratio == 0.0F && std::abs(values[i]) < 0.01105F * scale);
  }
  CHECK(wrong == 0);
}

TEST_CASE("what was decoded has the code that it came from, so a contribution can be saved as numbers") {
  auto const codec = GENERATE(Codec::int8, Codec::int4, Codec::e3m0);
  auto const coded = outer::encode(codec, noise(5000));
  CHECK(outer::encode(codec, decoded(codec, coded, 5000)) == coded);
}

TEST_CASE("blocks do not know of one another") {
  Vector values(300, 1e-3F);
  values[0] = 1e3F;
  auto const codec = GENERATE(Codec::int8, Codec::int4, Codec::e3m0);
  auto const back = there_and_back(codec, values);
  CHECK(back[255] == 0.0F);
  CHECK(back[256] == Approx(1e-3F));
}

TEST_CASE("a block with a number that is not finite has none when it arrives, and the others do not suffer") {
  auto const codec = GENERATE(Codec::int8, Codec::int4, Codec::e3m0);
  float const bad = GENERATE(+infinity, -infinity, std::nanf(""), -std::nanf("5"));
  std::size_t const place = GENERATE(0u, 255u, 256u, 299u);
  Vector values(300, 1.0F);
  values[place] = bad;
  auto const back = there_and_back(codec, values);
  CHECK_FALSE(outer::is_finite(back));
  for (std::size_t i = 0; i < back.size(); ++i) {
    if (std::isfinite(back[i]) != (i / 256 != place / 256)) FAIL("number " << i << " is " << back[i]);
  }
}

TEST_CASE("the largest and the smallest numbers") {
  auto const codec = GENERATE(Codec::int8, Codec::int4, Codec::e3m0);
  float const most = std::numeric_limits<float>::max() / 2;
  CHECK(there_and_back(codec, {most, -most, 0.0F})[1] == Approx(-most));
  CHECK(there_and_back(codec, {1e-30F, -1e-30F})[1] == Approx(-1e-30F));
  CHECK(there_and_back(codec, {1e-31F, -1e-40F}) == Vector{0.0F, 0.0F});  // left to the residual
  CHECK(there_and_back(codec, Vector(5)) == Vector(5));
}

TEST_CASE("whatever the bytes are, numbers come out, and of a scale that is none, none that are finite") {
  auto const codec = GENERATE(Codec::int8, Codec::int4, Codec::e3m0);
  std::vector<int> every_code;
  for (int code = 0; code < 256; ++code) every_code.push_back(code);
  every_code.resize(codec == Codec::int8 ? 256 : 128, 0x80);
  CHECK(outer::is_finite(decoded(codec, bytes_of(1.5F, every_code), 256)));
  for (float const scale : {infinity, -infinity, std::nanf(""), -1.0F, -1e-45F}) {
    for (float const number : decoded(codec, bytes_of(scale, every_code), 256)) REQUIRE(std::isnan(number));
  }
}

TEST_CASE("numbers moved by coded differences are what adding the decoded ones gives") {
  auto const codec = GENERATE(Codec::int8, Codec::int4, Codec::e3m0);
  auto const from = noise(1000);
  auto const coded = outer::encode(codec, Vector(1000, 0.3F));
  auto expected = decoded(codec, coded, 1000);
  for (std::size_t i = 0; i < from.size(); ++i) expected[i] += from[i];
  CHECK(decoded(Codec::fp32, outer::moved(outer::encode(Codec::fp32, from), codec, coded), 1000) == expected);
  CHECK_THROWS(outer::moved(outer::encode(Codec::fp32, from), codec, std::span(coded).first(100)));
}
