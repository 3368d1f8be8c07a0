// Every key of a storm deck, declared once, and what must hold between them.
#pragma once

#include <string>
#include <vector>

#include "deck/key_table.hpp"
#include "sim/config.hpp"

namespace atl::sim {

deck::KeyTable<StormConfig> const& storm_keys();

// As deck::parse does for runs: InputError with every problem at once.
StormConfig parse_storm(std::string const& text, std::string const& where,
                        std::vector<std::string> const& overrides);

}  // namespace atl::sim
