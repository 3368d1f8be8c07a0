// The keyed permutation that orders the windows of an epoch.
#include "data/permutation.hpp"

#include <algorithm>
#include <cmath>
#include <vector>

#include "support/catch.hpp"

using namespace atl::data;

namespace {

std::vector<std::uint64_t> order(std::uint64_t size, std::uint64_t key, std::uint64_t stream) {
  Permutation const permutation(size, key, stream);
  std::vector<std::uint64_t> values(size);
  for (std::uint64_t i = 0; i < size; ++i) values[i] = permutation(i);
  return values;
}

}  // namespace

TEST_CASE("every value occurs exactly once, whatever the size") {
  auto const size = GENERATE(as<std::uint64_t>(), 1, 2, 3, 4, 5, 7, 16, 17, 100, 255, 256, 257, 4096, 50'021);
  auto values = order(size, 1, 2);
  std::ranges::sort(values);
  for (std::uint64_t i = 0; i < size; ++i) REQUIRE(values[i] == i);
}

TEST_CASE("another key or stream gives another order, the same ones the same") {
  auto const values = order(1000, 1, 2);
  CHECK(order(1000, 1, 2) == values);
  CHECK(order(1000, 2, 2) != values);
  CHECK(order(1000, 1, 3) != values);
}

TEST_CASE("the order is shuffled: places before and after are not correlated") {
  std::uint64_t const size = 20'000;
  auto const values = order(size, 3, 4);
  double const mean = (static_cast<double>(size) - 1.0) / 2.0;
  double covariance = 0.0, variance = 0.0;
  int neighbours = 0;
  for (std::uint64_t i = 0; i < size; ++i) {
    double const place = static_cast<double>(i) - mean;
    covariance += place * (static_cast<double>(values[i]) - mean);
    variance += place * place;
    neighbours += i > 0 && values[i] == values[i - 1] + 1;
  }
  CHECK(std::abs(covariance / variance) < 0.03);  // four standard deviations of 1/sqrt(size)
  CHECK(neighbours < 10);                         // one is expected
}

TEST_CASE("small sizes reach all of their orders") {
  std::vector<std::vector<std::uint64_t>> orders;
  for (std::uint64_t stream = 0; stream < 200; ++stream) orders.push_back(order(3, 1, stream));
  std::ranges::sort(orders);
  CHECK(std::unique(orders.begin(), orders.end()) - orders.begin() == 6);
}
