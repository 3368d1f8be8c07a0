// A life of a run from one of its snapshots on, as if it had begun there: what was held and on its way is the
// set's, and all decisions after it are the tapes'.
#pragma once

#include <vector>

#include "train/checkpoints.hpp"
#include "train/tape_file.hpp"

namespace atl::train {

// Of the last life that took this snapshot. Throws InputError where none did, or the set is damaged.
LifeOfRun tail_from(std::vector<LifeOfRun> run, ResumePoint const& snapshot);

}  // namespace atl::train
