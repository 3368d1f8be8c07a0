// The parameters a model starts from.
#include "model/initialize.hpp"

#include <algorithm>
#include <cmath>

#include "small_model.hpp"
#include "support/catch.hpp"

using namespace atl;

namespace {

struct Moments {
  double mean = 0.0;
  double deviation = 0.0;
};

Moments moments(std::vector<float> const& values) {
  auto const n = static_cast<double>(values.size());
  double sum = 0.0, squares = 0.0;
  for (double const x : values) sum += x;
  for (double const x : values) squares += (x - sum / n) * (x - sum / n);
  return {sum / n, std::sqrt(squares / n)};
}

std::vector<float> initialized(test::SmallModel const& small, char const* name, std::uint64_t seed) {
  auto const& tensor = small.table.find(name);
  auto const index = static_cast<std::size_t>(&tensor - small.table.tensors().data());
  std::vector<float> values(tensor.size());
  model::initialize(tensor, index, small.section, seed, values);
  return values;
}

test::SmallModel wide_model(deck::ModelSection section = test::small_section()) {
  section.width = 128;
  section.layers = 8;
  return test::SmallModel(section);
}

}  // namespace

TEST_CASE("matrices and embeddings start normal with deviation 0.02") {
  auto const small = wide_model();
  for (char const* name : {"layers.3.attention.query", "layers.0.ffn.up", "embedding.tokens"}) {
    std::vector<float> all;
    for (std::uint64_t seed = 1; seed <= 8; ++seed) {
      auto const values = initialized(small, name, seed);
      all.insert(all.end(), values.begin(), values.end());
    }
    auto const [mean, deviation] = moments(all);
    INFO(name);
    CHECK(std::abs(mean) < 4 * 0.02 / std::sqrt(static_cast<double>(all.size())));  // four standard errors
    CHECK(deviation == Approx(0.02).epsilon(0.02));
  }
}

TEST_CASE("what writes to the residual stream starts smaller, by the root of its 2 L branches") {
  auto const small = wide_model();
  for (char const* name : {"layers.3.attention.output", "layers.7.ffn.down"}) {
    INFO(name);
    CHECK(moments(initialized(small, name, 1)).deviation == Approx(0.02 / 4.0).epsilon(0.05));
  }
}

TEST_CASE("norm weights start at one, biases at zero, positions like other embeddings") {
  auto const small = wide_model(test::small_gpt2_section());
  auto const all_are = [&](char const* name, float value) {
    return std::ranges::all_of(initialized(small, name, 1), [value](float w) { return w == value; });
  };
  CHECK(all_are("layers.0.ffn_norm", 1.0f));
  CHECK(all_are("layers.0.ffn_norm_bias", 0.0f));
  CHECK(all_are("layers.0.attention.output_bias", 0.0f));
  CHECK(moments(initialized(small, "embedding.positions", 1)).deviation == Approx(0.02).epsilon(0.1));
}

TEST_CASE("the same seed draws the same values, another seed or another tensor draws others") {
  auto const small = wide_model();
  auto const key = initialized(small, "layers.0.attention.key", 1);
  CHECK(initialized(small, "layers.0.attention.key", 1) == key);
  CHECK(initialized(small, "layers.0.attention.key", 2) != key);
  CHECK(initialized(small, "layers.0.attention.value", 1) != key);
}
