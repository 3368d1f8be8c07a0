// Digests: XXH3-128, whole or as a stream.
#include "base/digest.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <span>
#include <vector>

#include "base/error.hpp"
#include "support/catch.hpp"

using namespace atl::base;

TEST_CASE("a digest is XXH3-128, high half first") {
  CHECK(digest_of("").hex() == "99aa06d3014798d86001c324468d497f");
  CHECK(digest_of("a").hex() == "a96faf705af16834e6c632b61e964e1f");
}

TEST_CASE("a digest survives its text") {
  Digest const digest{0x0123456789abcdefull, 0x00000000000000ffull};
  REQUIRE(digest.hex() == "0123456789abcdef00000000000000ff");
  CHECK(Digest::from_hex(digest.hex()) == digest);
}

TEST_CASE("text that is no digest is refused") {
  char const* const text = GENERATE("", "0123",                           // too short
                                    "99aa06d3014798d806001c324468d497f",  // too long
                                    "99aa06d3014798dg6001c324468d497f",   // not all digits
                                    "99aa06d3014798d8 001c324468d497f", "-9aa06d3014798d86001c324468d497f");
  INFO(text);
  REQUIRE_THROWS_AS(Digest::from_hex(text), InputError);
}

TEST_CASE("a stream has the digest of the whole, however it is cut") {
  std::vector<float> values(5000);
  std::iota(values.begin(), values.end(), 0.0f);
  auto const bytes = std::as_bytes(std::span(values));
  auto const piece = GENERATE(std::size_t{1}, std::size_t{7}, std::size_t{4096}, std::size_t{20000});

  DigestStream stream;
  for (std::size_t at = 0; at < bytes.size(); at += piece) {
    stream.update(bytes.subspan(at, std::min(piece, bytes.size() - at)));
  }
  CHECK(stream.value() == digest_of(std::span<float const>(values)));
}

TEST_CASE("one bit changes a digest") {
  std::vector<float> values(1000, 1.0f);
  auto const before = digest_of(std::span<float const>(values));
  values[517] = std::nextafter(1.0f, 2.0f);
  CHECK(digest_of(std::span<float const>(values)) != before);
}
