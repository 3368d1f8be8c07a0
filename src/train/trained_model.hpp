// A model on disk, for use outside a run: its shape, its parameters.
#pragma once

#include <filesystem>
#include <optional>
#include <vector>

#include "checkpoint/sets.hpp"
#include "train/checkpoints.hpp"
#include "train/run_plan.hpp"

namespace atl::train {

struct TrainedModel {
  std::filesystem::path folder;  // of the checkpoint
  std::uint64_t step = 0;
  deck::RunConfig config;
  tensor::ParamTable table;
  std::vector<float> parameters;  // flat, as the table
};

// The files of a set that hold the parameters.
class ParameterFiles {
 public:
  ParameterFiles(checkpoint::Set const& set, deck::RunConfig const& config);

  // The root of the file that holds `fragment`. Throws InputError where none does.
  base::Reader const& of(int fragment) const;

 private:
  std::optional<ShardFiles> shards_;              // by who owned the fragment
  std::vector<checkpoint::FileReader> in_turns_;  // fragment p is in file p mod their number
};

// `path`: a checkpoint's folder, a run's (its newest complete checkpoint), or a model's that was imported.
// Throws InputError where there is none, or where a file of it is missing or damaged. Local.
TrainedModel load_model(std::filesystem::path const& path);

// Writes to `folder`, which exists, what load_model() reads: the parameters alone, nothing to resume from.
// A tokenizer that lies in `folder` is named in the config by its name there, and moves with it.
void write_model(std::filesystem::path const& folder, deck::RunConfig const& config,
                 tensor::ParamTable const& table, std::span<float const> parameters);

}  // namespace atl::train
