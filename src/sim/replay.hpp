// Invariant 8: a run is told again from its tapes, its numbers drawn up anew, under another timing and
// without faults; and everything that stands on the tapes comes out the same.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/digest.hpp"
#include "sim/recorder.hpp"
#include "sim/saved_run.hpp"
#include "sim/scenario.hpp"

namespace atl::sim {

struct Replay {
  std::uint64_t lives = 0;       // of sites
  std::uint64_t boundaries = 0;  // of sites
  std::uint64_t versions = 0;    // of fragments: those that shards begin with, commit or take over
  base::Digest traffic;          // of all that was sent and when
  std::vector<std::string> differences;
};

// `timing`: decides links and step times. `from`: the snapshot that the run went on from; null: it began.
// Numbers are drawn up anew: losses, parameters, bases, versions. What machines decided is followed where a
// site's tape and its shard's agree: who is a member of what, and with which weight.
Replay replay(Scenario const& scenario, Recording recording, std::uint64_t timing,
              SavedRun const* from = nullptr);

}  // namespace atl::sim
