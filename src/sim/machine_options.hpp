// How a scenario sets up the machines of its sites and shards.
#pragma once

#include "protocol/site_machine.hpp"
#include "protocol/syncer_machine.hpp"
#include "sim/scenario.hpp"

namespace atl::sim {

protocol::SiteMachine::Options site_options(Scenario const& scenario, int site, std::uint64_t incarnation);
protocol::SyncerMachine::Options shard_options(Scenario const& scenario, int shard);

}  // namespace atl::sim
