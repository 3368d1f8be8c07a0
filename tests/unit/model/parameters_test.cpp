// The tensors of a model: which there are, and how large.
#include "model/parameters.hpp"

#include <algorithm>
#include <numeric>

#include "small_model.hpp"
#include "support/catch.hpp"

using namespace atl;

namespace {

std::size_t parameters(deck::ModelSection const& model) {
  auto const specs = model::parameter_specs(model);
  return std::accumulate(specs.begin(), specs.end(), std::size_t{0},
                         [](std::size_t sum, auto const& spec) { return sum + spec.size(); });
}

tensor::TensorSpec spec(deck::ModelSection const& model, std::string const& name) {
  auto const specs = model::parameter_specs(model);
  auto const found = std::ranges::find(specs, name, &tensor::TensorSpec::name);
  REQUIRE(found != specs.end());
  return *found;
}

}  // namespace

TEST_CASE("the quickstart's model has 3.93 million parameters") {
  deck::ModelSection model;  // the defaults
  model.vocab = 2048;
  // V C + L (4 C C + 3 C F + 2 C) + C
  CHECK(parameters(model) == 2048 * 256 + 4 * (4 * 256 * 256 + 3 * 256 * 768 + 2 * 256) + 256);
}

TEST_CASE("a tied head is no tensor of its own") {
  auto model = test::small_section();
  auto const untied = parameters(model);
  CHECK(spec(model, "head").size() == 32 * 16);
  model.tied_embeddings = true;
  CHECK(parameters(model) == untied - 32 * 16);
  CHECK(std::ranges::count(model::parameter_specs(model), "head", &tensor::TensorSpec::name) == 0);
}

TEST_CASE("matrices are outputs by inputs, and fewer key/value heads make them narrower") {
  auto model = test::small_section();
  model.kv_heads = 1;
  CHECK(spec(model, "layers.1.ffn.gate").rows == 24);
  CHECK(spec(model, "layers.1.ffn.gate").cols == 16);
  CHECK(spec(model, "layers.0.attention.query").rows == 16);
  CHECK(spec(model, "layers.0.attention.key").rows == 8);
  CHECK(spec(model, "layers.0.attention.value").rows == 8);
}

TEST_CASE("only norm weights are vectors, only token embeddings are embeddings") {
  for (auto const& tensor : model::parameter_specs(test::small_section())) {
    INFO(tensor.name);
    CHECK((tensor.kind == tensor::Kind::vector) == tensor.name.ends_with("norm"));
    CHECK((tensor.kind == tensor::Kind::embedding) == (tensor.name == "embedding.tokens"));
  }
}
