#include "train/outer_model.hpp"

#include <fmt/format.h>

#include <memory>

#include "model/initialize.hpp"
#include "train/model_archive.hpp"

namespace atl::train {

OuterModel::OuterModel(deck::RunConfig const& config, tensor::ParamTable const& table, int shard)
    : table_(table),
      rule_(config.outer.merge == deck::MergeKind::rda ? outer::MergeRule::rda : outer::MergeRule::average) {
  outer::OuterOptimizer::Options const options{
      .lr = config.outer.lr,
      .momentum = config.outer.optimizer == deck::OuterOptimizerKind::nesterov ? config.outer.momentum : 0.0};
  for (int p = shard; p < table.fragments(); p += config.syncer.ranks) {
    auto const range = table.fragment(p);
    fragments_.emplace(p, Fragment{std::make_shared<std::vector<float>>(range.size), {options, range.size}});
  }
  merged_.resize(table.largest_fragment());

  for (auto& [p, fragment] : fragments_) {
    auto values = std::make_shared<std::vector<float>>(table.fragment(p).size);
    for (std::size_t i = 0; i < table.tensors().size(); ++i) {
      auto const& tensor = table.tensors()[i];
      if (tensor.fragment != p) continue;
      auto const place = tensor.range.offset - table.fragment(p).offset;
      model::initialize(tensor, i, config.model, config.run.seed,
                        std::span(*values).subspan(place, tensor.size()));
    }
    fragment.values = std::move(values);
  }
}

void OuterModel::commit(int p, std::vector<outer::Weighted> const& members) {
  auto& fragment = fragments_.at(p);
  auto const range = table_.fragment(p);
  auto const merged = std::span(merged_).first(range.size);
  outer::merge(rule_, table_.tensors_of(p), range, members, merged);

  // The old values may still be on their way to a slow site, so the step is taken on a copy.
  auto next = std::make_shared<std::vector<float>>(*fragment.values);
  fragment.optimizer.step(merged, *next);
  fragment.values = std::move(next);
}

void OuterModel::save(base::Writer& writer) const {
  auto const momentum = writer.group("outer_optimizer");
  auto const model = writer.group("model");
  for (auto const& [p, fragment] : fragments_) {
    auto const group = momentum->group(fmt::format("fragment_{}", p));
    fragment.optimizer.save(*group);
    save_tensors(*model, table_.tensors_of(p), table_.fragment(p).offset, *fragment.values);
  }
}

void OuterModel::load(base::Reader const& reader) {
  auto const momentum = reader.group("outer_optimizer");
  auto const model = reader.group("model");
  for (auto& [p, fragment] : fragments_) {
    fragment.optimizer.load(*momentum->group(fmt::format("fragment_{}", p)));
    auto values = std::make_shared<std::vector<float>>(table_.fragment(p).size);
    load_tensors(*model, table_.tensors_of(p), table_.fragment(p).offset, *values);
    fragment.values = std::move(values);
  }
}

}  // namespace atl::train
