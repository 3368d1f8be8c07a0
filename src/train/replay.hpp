// A recorded run, executed again: its sites train on the same text, and what was decided by timing is taken
// from the tapes. Writes nothing.
#pragma once

#include <string>
#include <vector>

#include "comm/world.hpp"
#include "train/checkpoints.hpp"
#include "train/run_folder.hpp"
#include "train/tape_file.hpp"

namespace atl::train {

// What a replay of one life came to, the same on all ranks.
struct LifeReplay {
  std::uint64_t life = 0;
  std::uint64_t boundaries = 0, commits = 0;  // executed again
  std::uint64_t taped_boundaries = 0, taped_commits = 0;
  std::vector<std::string> differences;  // none: every digest is as it was
  // Not where a process was killed, or a tape is cut off: what follows it cannot be told.
  bool is_whole() const { return boundaries == taped_boundaries && commits == taped_commits; }
};

// What of this program, machine, text and the life's set is not as it was, in words. Local.
std::vector<std::string> changes_since(LifeOfRun const& life);

// Throws InputError where the tapes contradict themselves, or the life's checkpoint is not there any more.
void check_replayable(LifeOfRun const& life, RunFolder const& folder);

// Collective over the world, which must have the ranks of the life's deck. `folder` is the run's. Throws
// InputError where its text is not there any more.
LifeReplay replay(LifeOfRun const& life, RunFolder const& folder, comm::MpiRuntime const& mpi);

}  // namespace atl::train
