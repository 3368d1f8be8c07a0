#include "sim/machine_options.hpp"

namespace atl::sim {

using namespace protocol;

SiteMachine::Options site_options(Scenario const& scenario, int site, std::uint64_t incarnation) {
  auto const& outer = scenario.outer;
  SiteMachine::Options options{.site = site,
                               .fragments = outer.fragments,
                               .shards = scenario.layout.shards,
                               .incarnation = incarnation,
                               .heals = incarnation > 1,
                               .receive = outer.receive,
                               .late = outer.late,
                               .in_flight = outer.in_flight,
                               .last_step = scenario.ends_by_itself() ? scenario.steps : 0,
                               .rounds = {}};
  if (scenario.is_synchronous())
    options.rounds = {.interval = outer.interval_steps, .overlap = outer.overlap_steps};
  return options;
}

SyncerMachine::Options shard_options(Scenario const& scenario, int shard) {
  return {.shard = shard,
          .shards = scenario.layout.shards,
          .sites = scenario.layout.sites,
          .replicated = scenario.is_replicated,
          .max_tokens_per_step = max_tokens_per_step,
          .synchronous = scenario.is_synchronous(),
          .last_step = scenario.ends_by_itself() ? scenario.steps : 0,
          .outer = scenario.outer};
}

}  // namespace atl::sim
