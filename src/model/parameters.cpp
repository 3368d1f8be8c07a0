#include "model/parameters.hpp"

#include <fmt/format.h>

#include "base/error.hpp"

namespace atl::model {

std::vector<tensor::TensorSpec> parameter_specs(deck::ModelSection const& model) {
  using tensor::Kind;
  base::ensure(model.vocab > 0, "the vocabulary is known before the model is laid out");
  auto const width = static_cast<std::size_t>(model.width);
  auto const kv_width =
      width / static_cast<std::size_t>(model.heads) * static_cast<std::size_t>(model.kv_heads);
  auto const ffn_width = static_cast<std::size_t>(model.ffn_width);
  auto const vocab = static_cast<std::size_t>(model.vocab);

  std::vector<tensor::TensorSpec> specs;
  specs.push_back({"embedding.tokens", Kind::embedding, vocab, width});
  for (int l = 0; l < model.layers; ++l) {
    auto const add = [&](char const* name, Kind kind, std::size_t rows, std::size_t cols) {
      specs.push_back({fmt::format("layers.{}.{}", l, name), kind, rows, cols});
    };
    add("attention_norm", Kind::vector, width, 1);
    add("attention.query", Kind::matrix, width, width);
    add("attention.key", Kind::matrix, kv_width, width);
    add("attention.value", Kind::matrix, kv_width, width);
    add("attention.output", Kind::matrix, width, width);
    add("ffn_norm", Kind::vector, width, 1);
    add("ffn.gate", Kind::matrix, ffn_width, width);
    add("ffn.up", Kind::matrix, ffn_width, width);
    add("ffn.down", Kind::matrix, width, ffn_width);
  }
  specs.push_back({"final_norm", Kind::vector, width, 1});
  if (!model.tied_embeddings) specs.push_back({"head", Kind::matrix, vocab, width});
  return specs;
}

}  // namespace atl::model
