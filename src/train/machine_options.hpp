// What the protocol's machines are told of a deck.
#pragma once

#include "deck/config.hpp"
#include "protocol/site_machine.hpp"
#include "protocol/syncer_machine.hpp"

namespace atl::train {

protocol::SiteMachine::Options site_options(deck::RunConfig const& config, int site);
protocol::SyncerMachine::Options syncer_options(deck::RunConfig const& config, int shard);

}  // namespace atl::train
