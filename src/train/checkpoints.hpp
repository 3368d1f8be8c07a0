// Checkpoints as a run makes and uses them: who writes which file of a set, and where a resumed run begins.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/archive.hpp"
#include "checkpoint/hdf5_file.hpp"
#include "checkpoint/manifest.hpp"
#include "protocol/quiet_point.hpp"
#include "train/run_folder.hpp"
#include "train/run_plan.hpp"

namespace atl::train {

std::string shard_file(int shard);
// Rank 0's holds what is the site's; those of other ranks only what they alone have (shares of the moments).
std::string site_file(int site, int rank);

// The set that a run goes on from. It may have been written by other numbers of ranks, sites and shards.
struct ResumePoint {
  std::uint64_t step = 0;
  std::filesystem::path folder;
  checkpoint::Manifest manifest;

  int sites() const { return static_cast<int>(manifest.layout.ranks_per_site.size()); }
  int shards() const { return manifest.layout.shards; }
  bool has(std::string const& file) const;
  // Of a site, rank 0's first.
  std::vector<std::string> site_files(int site) const;

  // Verified against the manifest before anything is read from it. Throws InputError.
  checkpoint::FileReader open(std::string const& file) const;
};

// What the shards of an earlier layout saved, whoever of them owned a fragment.
class ShardFiles {
 public:
  explicit ShardFiles(ResumePoint const& resume);

  // The root of the file that holds `fragment`. Throws InputError where none does.
  base::Reader const& of(int fragment) const;
  bool cover(int fragments) const;
  // The groups "syncer_machine" of all files as one: each fragment from its owner, the latest clock.
  std::unique_ptr<base::Reader> machine() const;
  std::vector<checkpoint::FileReader> const& all() const { return files_; }

 private:
  std::filesystem::path folder_;
  std::vector<checkpoint::FileReader> files_;
  std::map<int, std::size_t> owners_;  // by fragment: which file
};

// The newest complete and undamaged set of `folder`; none where there is no such set. Warns of those it
// passes over. Throws InputError where the sets do not fit the plan, naming the keys that differ and must
// not, or the tokenizer.
std::optional<ResumePoint> find_resume_point(RunFolder const& folder, RunPlan const& plan);

// The resume point in the folder of a set that was found so. Throws InputError.
ResumePoint resume_from(std::filesystem::path const& set);

struct SealedSet {
  std::filesystem::path folder;
  std::uint64_t bytes = 0;
};

// Makes a set complete by its manifest. `time_s`: of the run so far. Throws RuntimeFailure.
SealedSet seal_set(RunPlan const& plan, RunFolder const& folder, protocol::Seal const& seal, double time_s);

// After the set of `step`: removes those that the deck does not keep; where that fails, warns and leaves
// them.
void prune_sets(RunPlan const& plan, RunFolder const& folder, std::uint64_t step);

}  // namespace atl::train
