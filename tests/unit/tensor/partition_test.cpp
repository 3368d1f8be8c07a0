// How tensors are dealt to fragments: balanced, by strided layers, whole.
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
using tensor::partition_strided;

namespace {

std::vector<tensor::TensorSpec> of_sizes(std::vector<std::size_t> const& sizes) {
  std::vector<tensor::TensorSpec> specs;
  for (auto const size : sizes)
    specs.push_back({std::to_string(specs.size()), tensor::Kind::matrix, size, 1});
  return specs;
}

// One tensor a layer number; -1 is outside the layers.
std::vector<tensor::TensorSpec> of_layers(std::vector<int> const& layers) {
  std::vector<tensor::TensorSpec> specs;
  for (int const layer : layers)
    specs.push_back({std::to_string(specs.size()), tensor::Kind::matrix, 2, 2, layer});
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

TEST_CASE("strided layers are dealt in turn, the ends to the first and the last fragment") {
  auto const specs = of_layers({-1, -1, 0, 0, 1, 1, 2, 2, 3, 3, 4, 4, -1, -1});
  CHECK(partition_strided(specs, 1) == std::vector<int>(specs.size(), 0));
  CHECK(partition_strided(specs, 2) == std::vector{0, 0, 0, 0, 1, 1, 0, 0, 1, 1, 0, 0, 1, 1});
  CHECK(partition_strided(specs, 3) == std::vector{0, 0, 0, 0, 1, 1, 2, 2, 0, 0, 1, 1, 2, 2});
  CHECK(partition_strided(specs, 5) == std::vector{0, 0, 0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 4, 4});
}

TEST_CASE("more fragments than layers, or none, is an error of the deck where layers are dealt") {
  auto const specs = of_layers({-1, 0, 1, 2, -1});
  auto const fragments = GENERATE(-1, 0, 4);
  REQUIRE_THROWS_AS(partition_strided(specs, fragments), base::InputError);
  CHECK_THROWS_WITH(partition_strided(specs, fragments),
                    ContainsSubstring("outer.fragments") && ContainsSubstring("use 1 to 3"));
}

TEST_CASE("the layer of a tensor does not change the digest of its table") {
  auto const table = [](std::vector<int> const& layers) {
    auto const specs = of_layers(layers);
    return tensor::ParamTable(specs, tensor::partition_whole(specs), 1);
  };
  CHECK(table({-1, 0, 1}).fragment(0).size == 12);
  CHECK(table({-1, 0, 1}).digest() == table({-1, -1, -1}).digest());
}
