// The model in a checkpoint, for use outside a run: its shape, its outer parameters.
#pragma once

#include <filesystem>

#include "kernels/buffer.hpp"
#include "train/run_plan.hpp"

namespace atl::train {

struct TrainedModel {
  std::filesystem::path folder;  // of the checkpoint
  std::uint64_t step = 0;
  deck::RunConfig config;
  tensor::ParamTable table;
  kernels::FloatBuffer parameters;
};

// `path`: a checkpoint's folder, or a run's: its newest complete checkpoint. Throws InputError where there is
// none, or where a file of it is missing or damaged. Local.
TrainedModel load_model(std::filesystem::path const& path);

}  // namespace atl::train
