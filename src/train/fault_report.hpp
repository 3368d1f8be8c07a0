// The faults of a run, each with what it cost: those that were done on purpose (chaos.jsonl), else those that
// the run noticed.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "train/run_folder.hpp"

namespace atl::train {

// Seconds are since the fault.
struct FaultCost {
  std::size_t life = 0;             // of the run, from 1
  double time_s = 0.0;              // in that life
  std::string what;                 // "kill site 1 rank 0", "partition site 0 for 5 s"
  std::optional<double> noticed_s;  // the shards missed it, or heard of its loss
  std::optional<double> back_s;     // it takes steps again; a shard: what it owned is committed again
  std::optional<double> merged_s;   // a commit with it
  std::size_t commits_missed = 0;   // meanwhile
  double steps_lost = 0.0;          // that it had taken, and nobody merged (goodput.hpp)
};

struct FaultReport {
  RunFolder folder;
  bool is_truth = false;  // from chaos.jsonl
  std::vector<FaultCost> faults;
};

// Throws InputError where `root` is no run.
FaultReport inspect_faults(std::filesystem::path const& root);
std::string describe(FaultReport const& report);

}  // namespace atl::train
