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

TEST_CASE("the smallest GPT-2 has 124 million parameters") {
  deck::ModelSection const model{.family = deck::Family::gpt2,
                                 .layers = 12,
                                 .width = 768,
                                 .heads = 12,
                                 .kv_heads = 12,
                                 .ffn_width = 3072,
                                 .context = 1024,
                                 .vocab = 50257};
  CHECK(parameters(model) == 124'439'808);  // as openai-community/gpt2
}

TEST_CASE("GPT-2 has biases beside its matrices and norms, learned positions, and no gate") {
  auto const model = test::small_gpt2_section();
  CHECK(spec(model, "embedding.positions").rows == 12);
  CHECK(spec(model, "embedding.positions").cols == 16);
  CHECK(spec(model, "layers.1.attention_norm_bias").size() == 16);
  CHECK(spec(model, "layers.0.attention.key_bias").size() == 16);
  CHECK(spec(model, "layers.0.ffn.up_bias").size() == 24);
  CHECK(spec(model, "layers.0.ffn.down_bias").size() == 16);
  CHECK(spec(model, "final_norm_bias").size() == 16);
  auto const specs = model::parameter_specs(model);
  for (char const* name : {"layers.0.ffn.gate", "head_bias", "embedding.tokens_bias"}) {
    CHECK(std::ranges::count(specs, name, &tensor::TensorSpec::name) == 0);
  }
}

TEST_CASE("a tensor knows its layer, and what stands outside the layers has none") {
  for (auto const& tensor : model::parameter_specs(test::small_gpt2_section())) {
    INFO(tensor.name);
    CHECK(tensor.layer == (tensor.name.starts_with("layers.") ? tensor.name[7] - '0' : -1));
  }
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

TEST_CASE("norm weights and biases are vectors, tokens and positions embeddings, all else matrices") {
  for (auto const& tensor :
       model::parameter_specs(GENERATE(test::small_section(), test::small_gpt2_section()))) {
    INFO(tensor.name);
    CHECK((tensor.kind == tensor::Kind::vector) ==
          (tensor.name.ends_with("norm") || tensor.name.ends_with("_bias")));
    CHECK((tensor.kind == tensor::Kind::embedding) == tensor.name.starts_with("embedding."));
    CHECK((tensor.cols == 1) == (tensor.kind == tensor::Kind::vector));
  }
}
