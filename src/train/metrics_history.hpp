// metrics.jsonl read back: what every life of a run did, in the order that it was written.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace atl::train {

struct History {
  struct Step {
    double time_s = 0.0;
    int site = 0;
    std::uint64_t step = 0;
    double step_s = 0.0, wait_s = 0.0, checkpoint_s = 0.0, eval_s = 0.0;
    bool is_superseded = false;  // by a later resume, from a checkpoint before it
  };
  struct Commit {
    double time_s = 0.0;
    std::uint64_t step = 0;  // the clock
    int fragment = 0;
    std::vector<int> members, absent;
    std::vector<std::uint64_t> staleness;  // as `members`
  };
  struct Return {
    double time_s = 0.0;
    int site = 0;
    std::uint64_t step = 0;
  };
  struct Fault {
    double time_s = 0.0;
    std::string what;
    std::optional<int> site, shard;
  };
  struct Life {
    double unix_s = 0.0;  // of its start; 0: not said
    double end_s = 0.0;   // of its last line
    std::vector<Step> steps;
    std::vector<Commit> commits;
    std::vector<Return> returns;
    std::vector<Fault> faults;
  };
  std::vector<Life> lives;
  int sites = 0, shards = 1;
};

// Lines that a kill has torn, or that are of another program, are passed over.
History read_history(std::filesystem::path const& metrics);

}  // namespace atl::train
