// The checkpoints of a run: `checkpoints/step_00000100/`, each with its writers' files and a manifest.
// Local: one process does this for all. Failures of the system are RuntimeFailures with errno's text.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <vector>

#include "base/error.hpp"
#include "checkpoint/manifest.hpp"

namespace atl::checkpoint {

struct Set {
  std::filesystem::path folder;
  Manifest manifest;
};

struct FoundSets {
  std::vector<Set> complete;           // newest first
  std::vector<base::Problem> skipped;  // why each other folder is no complete set, newest first
};

// "<checkpoints>/step_00000100".
std::filesystem::path set_folder(std::filesystem::path const& checkpoints, std::uint64_t step);

// Makes the empty folder of a set, before any writer opens a file in it. Removes what earlier attempts have
// left, which may be why a disk is full: sets without a manifest, and at the same step even a complete one.
// Do not write again the step that was resumed from.
std::filesystem::path start_set(std::filesystem::path const& checkpoints, std::uint64_t step);

// Complete: the manifest is sound, and every file it lists is there with its size. Contents are not read.
// What the system does not let be read is not complete.
FoundSets find_sets(std::filesystem::path const& checkpoints);
std::optional<Set> newest_complete(std::filesystem::path const& checkpoints);

// Reads every file of the set: all that is missing or altered.
std::vector<base::Problem> check_files(Set const& set);

struct Keep {
  int newest = 3;                 // at least one
  std::uint64_t every_steps = 0;  // and the first set from each multiple of this on; 0: none of these
};

// After the set of `step` was written: removes the complete sets that are not to be kept, and older ones
// without a manifest. Sets of later steps are what a resume has passed over; they stay, and do not count.
// What is interrupted leaves sets without a manifest. Returns the folders removed.
std::vector<std::filesystem::path> prune(std::filesystem::path const& checkpoints, std::uint64_t step,
                                         Keep const& keep);

}  // namespace atl::checkpoint
