#include "train/machine_options.hpp"

#include "deck/deck.hpp"
#include "train/run_plan.hpp"

namespace atl::train {

protocol::SiteMachine::Options site_options(deck::RunConfig const& config, int site) {
  auto const outer = deck::outer_rule(config);
  protocol::SiteMachine::Options options{.site = site,
                                         .fragments = has_outer_exchange(config) ? outer.fragments : 0,
                                         .shards = config.syncer.ranks,
                                         .incarnation = 1,
                                         .receive = outer.receive,
                                         .late = outer.late,
                                         .in_flight = outer.in_flight,
                                         .last_step = stops_each(config) ? config.run.steps : 0,
                                         .rounds = {}};
  if (deck::is_synchronous(config.run.method))
    options.rounds = {.interval = outer.interval_steps, .overlap = outer.overlap_steps};
  return options;
}

protocol::SyncerMachine::Options syncer_options(deck::RunConfig const& config, int shard) {
  protocol::SyncerMachine::Options options{
      .shard = shard,
      .shards = config.syncer.ranks,
      .sites = effective_sites(config),
      .replicated = config.syncer.replicas > 0,
      .max_tokens_per_step =
          static_cast<std::uint64_t>(site_batch(config)) * static_cast<std::uint64_t>(config.model.context),
      .synchronous = deck::is_synchronous(config.run.method),
      .last_step = stops_each(config) ? config.run.steps : 0,
      .outer = deck::outer_rule(config)};
  if (!has_outer_exchange(config)) {
    options.outer.fragments = 0;
    options.outer.quorum = 1;
  }
  return options;
}

}  // namespace atl::train
