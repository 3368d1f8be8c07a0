// The order in which several sources take turns.
#include "data/mixture.hpp"

#include <cmath>
#include <numeric>

#include "base/rng.hpp"
#include "support/catch.hpp"

using namespace atl;
using namespace atl::data;

namespace {

// The largest distance of a source's count from its share, over the first `sequences`; with it, that each
// source's sequences are numbered without a gap.
double largest_error(Mixture const& mixture, std::vector<double> const& weights, std::uint64_t sequences) {
  double const sum = std::accumulate(weights.begin(), weights.end(), 0.0);
  std::vector<std::uint64_t> taken(weights.size());
  double largest = 0.0;
  for (std::uint64_t n = 0; n < sequences; ++n) {
    auto const [source, index] = mixture(n);
    REQUIRE(source < weights.size());
    REQUIRE(index == taken[source]++);
    for (std::size_t k = 0; k < weights.size(); ++k) {
      double const share = weights[k] / sum * static_cast<double>(n + 1);
      largest = std::max(largest, std::abs(static_cast<double>(taken[k]) - share));
    }
  }
  return largest;
}

}  // namespace

TEST_CASE("a source alone takes every sequence") {
  Mixture const mixture({0.3});
  CHECK(mixture.period() == 1);
  CHECK(mixture(12345678901).source == 0);
  CHECK(mixture(12345678901).index == 12345678901);
}

TEST_CASE("at every moment every source is less than one sequence from its share") {
  auto const weights = GENERATE(std::vector<double>{0.7, 0.3}, std::vector<double>{1, 1, 1},
                                std::vector<double>{1, 2, 3, 4}, std::vector<double>{0.5, 0.01, 0.01, 0.48},
                                std::vector<double>{98, 1, 1}, std::vector<double>{0.333, 0.667});
  Mixture const mixture(weights);
  CHECK(largest_error(mixture, weights, 5000) < 1.0);
}

TEST_CASE("many sources of any weight keep to their shares, over many periods too") {
  base::Philox const random{5};
  for (std::uint64_t trial = 0; trial < 20; ++trial) {
    std::vector<double> weights(2 + random.below(12, trial, 0));
    for (std::size_t k = 0; k < weights.size(); ++k) {
      weights[k] = static_cast<double>(1 + random.below(40, trial, k + 1));
    }
    Mixture const mixture(weights);
    INFO("trial " << trial);
    REQUIRE(largest_error(mixture, weights, 3 * mixture.period()) < 1.0);
  }
}

TEST_CASE("simple weights are kept exactly, in the shortest period that holds them") {
  Mixture const tenths({0.7, 0.3});
  CHECK(tenths.period() == 10);
  CHECK(tenths.units(0) == 7);
  CHECK(Mixture({2, 4}).period() == 3);
  CHECK(Mixture({0.125, 0.875}).period() == 8);
}

TEST_CASE("weights that no short period holds are rounded to 65536ths") {
  std::vector<double> const weights = {15'263'411, 151'003, 8'000'017};
  Mixture const mixture(weights);
  REQUIRE(mixture.period() == 65536);
  double const sum = weights[0] + weights[1] + weights[2];
  for (std::size_t k = 0; k < 3; ++k) {
    CHECK(std::abs(static_cast<double>(mixture.units(k)) / 65536 - weights[k] / sum) <= 1.0 / 65536);
  }
  CHECK(largest_error(mixture, weights, 30'000) < 1.5);
}

TEST_CASE("any sequence is found without those before it") {
  std::vector<double> const weights = {0.7, 0.2, 0.1};
  Mixture const mixture(weights);
  std::uint64_t const far = 10'000'000'000'003;
  auto const [source, index] = mixture(far);
  CHECK(std::abs(static_cast<double>(index) - weights[source] * static_cast<double>(far)) < 1.0);
  CHECK(mixture(far - 3).source == mixture(0).source);  // a whole number of periods later
}
