// Many seeds of one deck, on all cores.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "sim/world.hpp"

namespace atl::sim {

struct FailedSeed {
  std::uint64_t seed = 0;
  Violation violation;
};

struct StormReport {
  std::uint64_t seeds = 0;
  std::uint64_t events = 0;
  std::uint64_t faults = 0;
  std::uint64_t fewest_events = ~std::uint64_t{0};  // of a seed
  std::uint64_t fewest_faults = ~std::uint64_t{0};
  std::uint64_t restarts = 0;
  std::uint64_t replays = 0;
  std::uint64_t replayed_versions = 0;
  Coverage coverage{};
  base::Digest digest;  // of all that was sent in any of them
  std::map<protocol::Reason, std::uint64_t> refused;
  std::vector<FailedSeed> failed;  // by seed

  void add(std::uint64_t seed, Outcome const& outcome);
};

// One seed; `trace` may be off.
Outcome run_seed(StormConfig const& config, std::uint64_t seed, Trace& trace);

struct SeedRange {
  std::uint64_t first = 1;
  std::uint64_t last = 1;
};
// Every seed of the range, whatever the others do; `done(n)` after each, from any of the threads, one at a
// time. 0 threads: one per core.
StormReport run_seeds(StormConfig const& config, SeedRange seeds, int threads,
                      std::function<void(std::uint64_t)> const& done);

}  // namespace atl::sim
