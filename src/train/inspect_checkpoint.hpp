// What a checkpoint on disk holds, for people: whether it is whole, whose it is, and digests to compare.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "base/error.hpp"
#include "checkpoint/sets.hpp"
#include "deck/config.hpp"

namespace atl::train {

struct FragmentState {
  int fragment = 0;
  std::uint64_t version = 0;  // commits; 0 where nothing is exchanged
  std::size_t parameters = 0;
  base::Digest digest;  // XXH3 of its values, fp32, in the order of the buffer
};

struct CheckpointReport {
  checkpoint::Set set;
  deck::RunConfig config;
  std::vector<base::Problem> damage;          // of its files; with any, what follows is empty
  std::vector<FragmentState> fragments;       // of the outer model; with data_parallel, of site 0's
  base::Digest model;                         // of all fragments together: what evaluations call model_digest
  std::uint64_t contributions_in_flight = 0;  // messages that were on their way when it was taken
  std::uint64_t releases_in_flight = 0;
};

// `path`: the folder of a set. Reads every file. Throws InputError where there is no manifest.
CheckpointReport inspect_checkpoint(std::filesystem::path const& path);

// In lines for the console.
std::string describe(CheckpointReport const& report);

}  // namespace atl::train
