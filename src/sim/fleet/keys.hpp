// Every key of the decks of fleet simulations, declared once, and what must hold between them.
#pragma once

#include "deck/key_table.hpp"
#include "sim/fleet/config.hpp"

namespace atl::sim {

deck::KeyTable<GoodputConfig> const& goodput_keys();
deck::KeyTable<DecoupledConfig> const& decoupled_keys();
deck::KeyTable<BandwidthConfig> const& bandwidth_keys();

// As deck::parse does for runs: InputError with every problem at once.
GoodputConfig parse_goodput(std::string const& text, std::string const& where,
                            std::vector<std::string> const& overrides);
DecoupledConfig parse_decoupled(std::string const& text, std::string const& where,
                                std::vector<std::string> const& overrides);
BandwidthConfig parse_bandwidth(std::string const& text, std::string const& where,
                                std::vector<std::string> const& overrides);

}  // namespace atl::sim
