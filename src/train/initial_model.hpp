// Version 0 of the parameters: from the deck's seed, or from a model that was trained or imported before.
#pragma once

#include <optional>
#include <span>

#include "tensor/param_table.hpp"
#include "train/run_plan.hpp"
#include "train/trained_model.hpp"

namespace atl::train {

class InitialModel {
 public:
  // Throws InputError where `run.initial_model` names no model of the deck's tensors and shapes.
  explicit InitialModel(RunPlan const& plan);

  // The initial values of tensor `index` of the plan's table.
  void fill(std::size_t index, std::span<float> values) const;

 private:
  RunPlan const& plan_;
  std::optional<TrainedModel> source_;  // none: random
};

}  // namespace atl::train
