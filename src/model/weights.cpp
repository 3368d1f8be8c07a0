#include "model/weights.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace atl::model {

namespace {

std::vector<tensor::Range> merge_adjacent(std::vector<tensor::Range> ranges) {
  std::ranges::sort(ranges, {}, &tensor::Range::offset);
  std::vector<tensor::Range> merged;
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
  auto const place = [&](std::string_view name) {
    tensor::Tensor const& tensor = table.find(name);
    return Place{tensor.range, tensor.rows, tensor.cols};
  };
  embedding_ = place("embedding.tokens");
  for (int l = 0; l < model.layers; ++l) {
    auto const of_layer = [&](char const* name) { return place(fmt::format("layers.{}.{}", l, name)); };
    LayerPlaces at{of_layer("attention_norm"),   of_layer("attention.query"),
                   of_layer("attention.key"),    of_layer("attention.value"),
                   of_layer("attention.output"), of_layer("ffn_norm"),
                   of_layer("ffn.gate"),         of_layer("ffn.up"),
                   of_layer("ffn.down"),         {}};
    at.ready =
        merge_adjacent({at.attention_norm.range, at.query.range, at.key.range, at.value.range,
                        at.output.range, at.ffn_norm.range, at.gate.range, at.up.range, at.down.range});
    layers_.push_back(std::move(at));
  }
  final_norm_ = place("final_norm");
  if (model.tied_embeddings) {
    head_ = embedding_;  // complete only when the embedding's own gradient has been added
    ready_with_head_ = {final_norm_.range};
  } else {
    head_ = place("head");
    ready_with_head_ = merge_adjacent({final_norm_.range, head_.range});
  }
}

}  // namespace atl::model
