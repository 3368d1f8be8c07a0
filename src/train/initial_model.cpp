#include "train/initial_model.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "base/error.hpp"
#include "deck/deck.hpp"
#include "model/initialize.hpp"

namespace atl::train {

namespace {

// What of [model] decides a model's tensors and what it computes of them; the rest as in `other`.
deck::RunConfig essence(deck::ModelSection model, deck::ModelSection const& other) {
  model.recompute = other.recompute;
  model.precision = other.precision;
  if (model.family == deck::Family::llama) model.context = other.context;
  if (model.family == deck::Family::gpt2) model.rope_theta = other.rope_theta;
  deck::RunConfig config;
  config.model = model;
  return config;
}

void check_same_model(RunPlan const& plan, TrainedModel const& source) {
  auto const& wanted = plan.config.model;
  deck::RunConfig ours;
  ours.model = wanted;
  auto differing = deck::differences(essence(source.config.model, wanted), ours);
  if (differing.empty()) return;
  differing.pop_back();
  std::ranges::replace(differing, '\n', ',');
  throw base::InputError("run.initial_model",
                         fmt::format("{} has {}, unlike the deck", source.folder.string(), differing),
                         "give [model] as it was for that model");
}

}  // namespace

InitialModel::InitialModel(RunPlan const& plan) : plan_(plan) {
  auto const& path = plan.config.run.initial_model;
  if (path.empty()) return;
  source_.emplace(load_model(path));
  check_same_model(plan, *source_);
}

void InitialModel::fill(std::size_t index, std::span<float> values) const {
  auto const& tensor = plan_.table.tensors()[index];
  if (!source_) return model::initialize(tensor, index, plan_.config.model, plan_.config.run.seed, values);
  auto const range = source_->table.find(tensor.name).range;
  std::copy_n(source_->parameters.data() + range.offset, range.size, values.begin());
}

}  // namespace atl::train
