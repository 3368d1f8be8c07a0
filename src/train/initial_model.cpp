#include "train/initial_model.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "base/error.hpp"
#include "model/initialize.hpp"

namespace atl::train {

namespace {

std::string shape(tensor::TensorSpec const& spec) { return fmt::format("{} x {}", spec.rows, spec.cols); }

// What tensors' shapes do not tell.
bool computes_alike(deck::ModelSection const& a, deck::ModelSection const& b) {
  bool const has_same_heads = a.heads == b.heads && a.kv_heads == b.kv_heads;
  bool const has_same_positions = a.family != deck::Family::llama || a.rope_theta == b.rope_theta;
  return a.family == b.family && has_same_heads && has_same_positions && a.norm_eps == b.norm_eps;
}

void check_same_model(RunPlan const& plan, TrainedModel const& source) {
  auto const& wanted = plan.table;
  std::vector<base::Problem> problems;
  if (!computes_alike(plan.config.model, source.config.model)) {
    problems.push_back({"run.initial_model",
                        fmt::format("{} has another family, heads, kv_heads, norm_eps or rope_theta",
                                    source.folder.string()),
                        "give [model] as it was for that model; atoll inspect shows it"});
  }
  auto const there = source.table.tensors();
  for (auto const& tensor : wanted.tensors()) {
    auto const found = std::ranges::find(there, tensor.name, &tensor::Tensor::name);
    if (found != there.end() && found->rows == tensor.rows && found->cols == tensor.cols) continue;
    problems.push_back({"run.initial_model",
                        fmt::format("{} has {} for the deck's tensor {} of {}", source.folder.string(),
                                    found == there.end() ? "nothing" : "a shape of " + shape(*found),
                                    tensor.name, shape(tensor)),
                        "give [model] as it was for that model; atoll inspect shows it"});
  }
  if (problems.empty() && there.size() != wanted.tensors().size()) {
    problems.push_back({"run.initial_model", "it has tensors that the deck's model lacks",
                        "give [model] as it was for that model; atoll inspect shows it"});
  }
  if (!problems.empty()) throw base::InputError(std::move(problems));
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
