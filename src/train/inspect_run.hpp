// How a run stands, from what it wrote: status.json, metrics.jsonl, its newest checkpoint.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "checkpoint/sets.hpp"
#include "train/goodput.hpp"
#include "train/run_folder.hpp"

namespace atl::train {

struct SiteProgress {
  std::uint64_t step = 0, tokens = 0;
  double loss = 0.0, tokens_per_s = 0.0;
};

struct Evaluation {
  std::uint64_t step = 0;
  double loss = 0.0;
};

struct Evaluations {
  Evaluation last, best;
};

// What counts of a run: lines that a resume has superseded are left out, and only `resumes` is of the whole.
struct RunSummary {
  std::map<int, SiteProgress> sites;
  std::map<int, Evaluations> evals;  // by site, of those that evaluate
  std::uint64_t commits = 0, contributions = 0, faults = 0;
  std::uint64_t resumes = 0;
};

struct RunReport {
  RunFolder folder;
  std::optional<Status> status;
  double silent_s = 0.0;  // since it last wrote a line of metrics
  RunSummary summary;
  Goodput goodput;
  std::vector<Participation> participation;
  std::optional<checkpoint::Set> newest;
  std::vector<base::Problem> skipped;  // why each newer folder of `checkpoints/` is no checkpoint
};

// None where there is none, or it cannot be read.
std::optional<Status> read_status(RunFolder const& folder);

// `root`: the folder of a run. Throws InputError where it is none.
RunReport inspect_run(std::filesystem::path const& root);

// The runs and checkpoints that lie in `folder`, by name: none where it does not exist, or holds others.
std::vector<std::string> list_states(std::filesystem::path const& folder);

// For a run that ended without its last word, where status.json still says "running": from now on it says how
// far the run came, what to resume from, and "failed"; or "stopped", where it `was_interrupted` from outside
// and has a checkpoint. Returns what it exits with. Throws RuntimeFailure where it cannot be written.
base::ExitCode mark_ended(RunFolder const& folder, bool was_interrupted);

// In lines for the console.
std::string describe(RunReport const& report);

}  // namespace atl::train
