// Every key of a run's deck, declared once: parsing, errors, schema and echo all come from this table.
#pragma once

#include "deck/config.hpp"
#include "deck/key_table.hpp"

namespace atl::deck {

KeyTable<RunConfig> const& keys();

}  // namespace atl::deck
