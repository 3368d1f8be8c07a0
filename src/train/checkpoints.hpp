// Checkpoints as a run makes and uses them: who writes which file of a set, and where a resumed run begins.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>

#include "base/archive.hpp"
#include "checkpoint/hdf5_file.hpp"
#include "checkpoint/manifest.hpp"
#include "protocol/quiet_point.hpp"
#include "train/run_folder.hpp"
#include "train/run_plan.hpp"

namespace atl::train {

// The set that a run goes on from.
struct ResumePoint {
  std::uint64_t step = 0;
  std::filesystem::path folder;
  checkpoint::Manifest manifest;

  // Verified against the manifest before anything is read from it. Throws InputError.
  checkpoint::FileReader open(std::string const& file) const;
};

// The newest complete and undamaged set of `folder` that every site and shard of the plan can go on from;
// none where there is no such set. Warns of those it passes over. Throws InputError where the sets do not fit
// the plan, naming the keys that differ, or data that was prepared anew. Decks may differ in [checkpoint],
// [eval], [output] and run.walltime_s.
std::optional<ResumePoint> find_resume_point(RunFolder const& folder, RunPlan const& plan);

// The resume point in the folder of a set that was found so. Throws InputError.
ResumePoint resume_from(std::filesystem::path const& set);

// Writes this process's file of the set that `save` names. What goes wrong is in the answer: training goes on
// without it.
protocol::Saved save_state(RunFolder const& folder, protocol::Save const& save, std::string const& file,
                           std::function<void(base::Writer&)> const& write);

struct SealedSet {
  std::filesystem::path folder;
  std::uint64_t bytes = 0;
};

// Makes a set complete by its manifest. `time_s`: of the run so far. Throws RuntimeFailure.
SealedSet seal_set(RunPlan const& plan, RunFolder const& folder, protocol::Seal const& seal, double time_s);

// Removes the oldest sets beyond `checkpoint.keep`; where that fails, warns and leaves them.
void prune_sets(RunPlan const& plan, RunFolder const& folder);

}  // namespace atl::train
