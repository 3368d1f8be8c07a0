// Philox: the published vectors, and what is made of its words.
#include "base/rng.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <vector>

#include "support/catch.hpp"

using namespace atl::base;
using Words = std::array<std::uint32_t, 4>;

TEST_CASE("Philox4x32-10 gives the known answers of Random123") {
  CHECK(Philox{0}.words(0, 0) == Words{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8});
  CHECK(Philox{~0ull}.words(~0ull, ~0ull) == Words{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd});
  // The digits of pi as counter and key; counters and keys count from their low word.
  CHECK(Philox{0x299f31d0a4093822}.words(0x0370734413198a2e, 0x85a308d3243f6a88) ==
        Words{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1});
}

TEST_CASE("a uniform number is the top 53 bits of the first two words") {
  CHECK(Philox{0}.uniform(0, 0) == static_cast<double>(0x6627e8d5e169c58dull >> 11) * 0x1p-53);
}

TEST_CASE("uniform numbers lie in [0, 1) and fill it evenly") {
  constexpr int draws = 20000;
  std::vector<int> tenths(10, 0);
  for (std::uint64_t i = 0; i < draws; ++i) {
    double const u = Philox{7}.uniform(3, i);
    REQUIRE((u >= 0.0 && u < 1.0));
    ++tenths[static_cast<std::size_t>(u * 10.0)];
  }
  // Each tenth: 2000 draws, standard deviation sqrt(20000 * 0.1 * 0.9) = 42; five of them.
  for (int const count : tenths) CHECK(std::abs(count - draws / 10) < 5 * 42);
}

TEST_CASE("below(n) gives every number under n, evenly, and nothing else") {
  constexpr int draws = 14000;
  std::vector<int> counts(7, 0);
  for (std::uint64_t i = 0; i < draws; ++i) {
    std::uint64_t const drawn = Philox{7}.below(7, 1, i);
    REQUIRE(drawn < 7);
    ++counts[drawn];
  }
  for (int const count : counts)
    CHECK(std::abs(count - draws / 7) < 5 * 42);  // sqrt(14000 * 1/7 * 6/7) = 41.4
  CHECK(Philox{7}.below(1, 1, 0) == 0);
}

TEST_CASE("below(n) reaches above 32 bits") {
  std::uint64_t largest = 0;
  for (std::uint64_t i = 0; i < 100; ++i) largest = std::max(largest, Philox{7}.below(1ull << 60, 1, i));
  CHECK(largest > 1ull << 59);
}

TEST_CASE("normal numbers have mean 0, variance 1 and the tails of a normal distribution") {
  constexpr int draws = 40000;
  double sum = 0.0;
  double squares = 0.0;
  int beyond_two = 0;
  for (std::uint64_t i = 0; i < draws; ++i) {
    double const z = Philox{11}.normal(5, i);
    REQUIRE(std::isfinite(z));
    sum += z;
    squares += z * z;
    beyond_two += std::abs(z) > 2.0 ? 1 : 0;
  }
  CHECK_THAT(sum / draws, WithinAbs(0.0, 5 * 0.005));                // 1 / sqrt(40000)
  CHECK_THAT(squares / draws, WithinAbs(1.0, 5 * 0.0071));           // sqrt(2 / 40000)
  CHECK_THAT(beyond_two / double{draws}, WithinAbs(0.0455, 0.005));  // 2 (1 - Phi(2)), five deviations
}

TEST_CASE("four normal numbers at a time are as normal, and independent") {
  constexpr int draws = 40000;
  std::array<double, 4> sum{}, squares{}, beside{};
  int beyond_two = 0;
  for (std::uint64_t i = 0; i < draws; ++i) {
    auto const z = Philox{11}.normals(5, i);
    for (std::size_t k = 0; k < 4; ++k) {
      REQUIRE(std::abs(z[k]) < 5.9);
      sum[k] += z[k];
      squares[k] += z[k] * z[k];
      beside[k] += z[k] * z[(k + 1) % 4];
      beyond_two += std::abs(z[k]) > 2.0f ? 1 : 0;
    }
  }
  for (std::size_t k = 0; k < 4; ++k) {
    INFO(k);
    CHECK_THAT(sum[k] / draws, WithinAbs(0.0, 5 * 0.005));
    CHECK_THAT(squares[k] / draws, WithinAbs(1.0, 5 * 0.0071));
    CHECK_THAT(beside[k] / draws, WithinAbs(0.0, 5 * 0.005));
  }
  CHECK_THAT(beyond_two / (4.0 * draws), WithinAbs(0.0455, 0.0026));
}

TEST_CASE("streams, indices and keys are independent of one another") {
  auto const reference = Philox{1}.words(2, 3);
  CHECK(Philox{2}.words(2, 3) != reference);
  CHECK(Philox{1}.words(3, 3) != reference);
  CHECK(Philox{1}.words(2, 4) != reference);
  CHECK(Philox{1}.words(3, 2) != reference);
}
