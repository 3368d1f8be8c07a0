// Balanced fragmentation: the largest tensor first, into the smallest fragment; ties by index.
#include "tensor/partition.hpp"

#include <algorithm>
#include <cstdint>
#include <string>
#include <vector>

#include "base/error.hpp"
#include "base/rng.hpp"
#include "support/catch.hpp"

using namespace atl;
using tensor::partition_balanced;

namespace {

std::vector<tensor::TensorSpec> of_sizes(std::vector<std::size_t> const& sizes) {
  std::vector<tensor::TensorSpec> specs;
  for (auto const size : sizes)
    specs.push_back({std::to_string(specs.size()), tensor::Kind::matrix, size, 1});
  return specs;
}

}  // namespace

TEST_CASE("the largest tensor goes first, each into the fragment that is smallest then") {
  // 8 | 7   8 | 7+6   8+5 | 13   13+4 | 13
  CHECK(partition_balanced(of_sizes({8, 7, 6, 5, 4}), 2) == std::vector{0, 1, 1, 0, 0});
  CHECK(partition_balanced(of_sizes({4, 5, 6, 7, 8}), 2) == std::vector{0, 0, 1, 1, 0});
}

TEST_CASE("among equals the earlier tensor and the earlier fragment come first") {
  CHECK(partition_balanced(of_sizes({5, 5, 5, 5}), 2) == std::vector{0, 1, 0, 1});
  CHECK(partition_balanced(of_sizes({1, 10, 1, 10}), 2) == std::vector{0, 0, 1, 1});

  std::vector<int> in_turn;
  for (int i = 0; i < 100; ++i) in_turn.push_back(i % 2);
  CHECK(partition_balanced(of_sizes(std::vector<std::size_t>(100, 5)), 2) == in_turn);
}

TEST_CASE("one fragment takes all, and as many fragments as tensors take one each") {
  CHECK(partition_balanced(of_sizes({3, 1, 2}), 1) == std::vector{0, 0, 0});
  CHECK(partition_balanced(of_sizes({3, 1, 2}), 3) == std::vector{0, 2, 1});
}

TEST_CASE("fragments differ by no more than the largest tensor, and none is empty") {
  auto const fragments = GENERATE(2, 6, 24);
  base::Philox const random{42};
  std::vector<std::size_t> sizes;
  for (std::uint64_t i = 0; i < 60; ++i) sizes.push_back(1 + random.below(100'000, 0, i));

  std::vector<std::size_t> load(static_cast<std::size_t>(fragments), 0);
  auto const fragment_of = partition_balanced(of_sizes(sizes), fragments);
  REQUIRE(fragment_of.size() == sizes.size());
  for (std::size_t i = 0; i < sizes.size(); ++i)
    load.at(static_cast<std::size_t>(fragment_of[i])) += sizes[i];

  CHECK(*std::ranges::min_element(load) > 0);
  CHECK(*std::ranges::max_element(load) - *std::ranges::min_element(load) <=
        *std::ranges::max_element(sizes));
}

TEST_CASE("more fragments than tensors, or none, is an error of the deck that says what is possible") {
  auto const specs = of_sizes({1, 2, 3});
  auto const fragments = GENERATE(-1, 0, 4);
  REQUIRE_THROWS_AS(partition_balanced(specs, fragments), base::InputError);
  CHECK_THROWS_WITH(partition_balanced(specs, fragments),
                    ContainsSubstring("outer.fragments") && ContainsSubstring("use 1 to 3"));
}
