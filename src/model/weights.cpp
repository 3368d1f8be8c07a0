#include "model/weights.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace atl::model {

namespace {

// The ranges of the tensors that `belongs` selects, in order, neighbours merged.
template <class Predicate>
std::vector<tensor::Range> ranges_of(tensor::ParamTable const& table, Predicate const& belongs) {
  std::vector<tensor::Range> ranges, merged;
  for (auto const& tensor : table.tensors()) {
    if (belongs(tensor)) ranges.push_back(tensor.range);
  }
  std::ranges::sort(ranges, {}, &tensor::Range::offset);
  for (auto const& range : ranges) {
    if (!merged.empty() && merged.back().offset + merged.back().size == range.offset) {
      merged.back().size += range.size;
    } else {
      merged.push_back(range);
    }
  }
  return merged;
}

}  // namespace

WeightMap::WeightMap(deck::ModelSection const& model, tensor::ParamTable const& table) {
  bool const is_gpt2 = model.family == deck::Family::gpt2;
  auto const place = [&](std::string const& name) {
    tensor::Tensor const& tensor = table.find(name);
    return Place{tensor.range, tensor.rows, tensor.cols};
  };
  auto const biased = [&](std::string const& name) {
    return BiasedPlace{place(name), is_gpt2 ? place(name + "_bias") : Place{}};
  };
  embedding_ = place("embedding.tokens");
  if (is_gpt2) positions_ = place("embedding.positions");
  for (int l = 0; l < model.layers; ++l) {
    auto const of_layer = [&](char const* name) { return biased(fmt::format("layers.{}.{}", l, name)); };
    auto const ranges_below = [&](char const* name) {
      auto const begin = fmt::format("layers.{}.{}", l, name);
      return ranges_of(table, [&](auto const& tensor) { return tensor.name.starts_with(begin); });
    };
    layers_.push_back({of_layer("attention_norm"), of_layer("attention.query"), of_layer("attention.key"),
                       of_layer("attention.value"), of_layer("attention.output"), of_layer("ffn_norm"),
                       is_gpt2 ? BiasedPlace{} : of_layer("ffn.gate"), of_layer("ffn.up"),
                       of_layer("ffn.down"), ranges_below("attention"), ranges_below("ffn")});
  }
  final_norm_ = biased("final_norm");
  head_ = model.tied_embeddings ? embedding_ : place("head");

  std::size_t const head_offset = head_.range.offset;
  accumulated_ = ranges_of(table, [&](auto const& tensor) {
    return tensor.kind != tensor::Kind::matrix && tensor.range.offset != head_offset;
  });

  // A tied head is complete only when the embedding's own gradient has been added.
  auto const is_embedding = [](tensor::Tensor const& tensor) {
    return tensor.kind == tensor::Kind::embedding;
  };
  of_embedding_ = ranges_of(table, is_embedding);
  of_head_ = ranges_of(table, [&](auto const& tensor) { return tensor.layer < 0 && !is_embedding(tensor); });
}

}  // namespace atl::model
