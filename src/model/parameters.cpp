#include "model/parameters.hpp"

#include <fmt/format.h>

#include "base/error.hpp"

namespace atl::model {

std::vector<tensor::TensorSpec> parameter_specs(deck::ModelSection const& model) {
  using tensor::Kind;
  base::ensure(model.vocab > 0, "the vocabulary is known before the model is laid out");
  bool const is_gpt2 = model.family == deck::Family::gpt2;
  auto const width = static_cast<std::size_t>(model.width);
  auto const kv_width =
      width / static_cast<std::size_t>(model.heads) * static_cast<std::size_t>(model.kv_heads);
  auto const ffn_width = static_cast<std::size_t>(model.ffn_width);
  auto const vocab = static_cast<std::size_t>(model.vocab);

  std::vector<tensor::TensorSpec> specs;
  int layer = -1;
  auto const add = [&](std::string const& name, Kind kind, std::size_t rows, std::size_t cols) {
    specs.push_back({name, kind, rows, cols, layer});
    if (is_gpt2 && kind != Kind::embedding) specs.push_back({name + "_bias", Kind::vector, rows, 1, layer});
  };
  add("embedding.tokens", Kind::embedding, vocab, width);
  if (is_gpt2) add("embedding.positions", Kind::embedding, static_cast<std::size_t>(model.context), width);
  for (layer = 0; layer < model.layers; ++layer) {
    std::string const prefix = fmt::format("layers.{}.", layer);
    add(prefix + "attention_norm", Kind::vector, width, 1);
    add(prefix + "attention.query", Kind::matrix, width, width);
    add(prefix + "attention.key", Kind::matrix, kv_width, width);
    add(prefix + "attention.value", Kind::matrix, kv_width, width);
    add(prefix + "attention.output", Kind::matrix, width, width);
    add(prefix + "ffn_norm", Kind::vector, width, 1);
    if (!is_gpt2) add(prefix + "ffn.gate", Kind::matrix, ffn_width, width);
    add(prefix + "ffn.up", Kind::matrix, ffn_width, width);
    add(prefix + "ffn.down", Kind::matrix, width, ffn_width);
  }
  layer = -1;
  add("final_norm", Kind::vector, width, 1);
  if (!model.tied_embeddings) specs.push_back({"head", Kind::matrix, vocab, width});
  return specs;
}

}  // namespace atl::model
