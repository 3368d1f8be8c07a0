#include "small_model.hpp"

#include <algorithm>
#include <cmath>
#include <stdexcept>

#include "base/rng.hpp"
#include "model/parameters.hpp"
#include "tensor/partition.hpp"

namespace atl::test {

deck::ModelSection small_section() {
  deck::ModelSection model;
  model.layers = 2;
  model.width = 16;
  model.heads = 2;
  model.kv_heads = 2;
  model.ffn_width = 24;
  model.context = 12;
  model.vocab = 32;
  model.tied_embeddings = false;
  return model;
}

deck::ModelSection small_gpt2_section() {
  auto model = small_section();
  model.family = deck::Family::gpt2;
  return model;
}

Sequences::Sequences(deck::ModelSection const& model, int sequences, int context, std::uint64_t seed)
    : count(sequences), length(context) {
  base::Philox const random{seed};
  auto const vocab = static_cast<std::uint64_t>(model.vocab);
  for (std::uint64_t i = 0; i < static_cast<std::uint64_t>(sequences) * static_cast<std::uint64_t>(context);
       ++i) {
    tokens.push_back(static_cast<std::int32_t>(random.below(vocab, 0, i)));
    targets.push_back(static_cast<std::int32_t>(random.below(vocab, 1, i)));
  }
}

model::Batch Sequences::batch(int first, int some) const {
  auto const begin = static_cast<std::size_t>(first) * static_cast<std::size_t>(length);
  auto const size = static_cast<std::size_t>(some) * static_cast<std::size_t>(length);
  return {std::span(tokens).subspan(begin, size), std::span(targets).subspan(begin, size), some, length};
}

namespace {

tensor::ParamTable table_of(deck::ModelSection const& model) {
  auto const specs = model::parameter_specs(model);
  return tensor::ParamTable(specs, tensor::partition_balanced(specs, 3), 3);
}

}  // namespace

SmallModel::SmallModel(deck::ModelSection const& model)
    : section(model),
      table(table_of(model)),
      params(kernels::make_float_buffer("params", table.size())),
      gradients(kernels::make_float_buffer("gradients", table.size())) {
  base::Philox const random{5};
  std::vector<float> values(table.size());
  for (auto const& tensor : table.tensors()) {
    for (std::size_t i = tensor.range.offset; i < tensor.range.offset + tensor.size(); ++i) {
      double const mean = tensor.name.ends_with("norm") ? 1.0 : 0.0;
      values[i] = static_cast<float>(mean + 0.25 * random.normal(0, i));
    }
  }
  from_host(values, params);
}

model::Transformer SmallModel::transformer(int max_sequences) const {
  return model::Transformer(exec, section, table, max_sequences);
}

double relative_error(std::vector<float> const& a, std::vector<float> const& b) {
  if (a.size() != b.size()) throw std::logic_error("arrays of different size are compared");
  double difference = 0.0, largest = 0.0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    double const here = std::abs(static_cast<double>(a[i]) - static_cast<double>(b[i]));
    if (!(here <= difference)) difference = here;  // lets a NaN through
    largest = std::max(largest, std::abs(static_cast<double>(b[i])));
  }
  return difference / largest;
}

}  // namespace atl::test
