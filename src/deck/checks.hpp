// What must hold between keys.
#pragma once

#include "deck/config.hpp"
#include "deck/report.hpp"

namespace atl::deck {

// Every relation between the keys of `config`, each of which is within its own range.
void check_relations(RunConfig const& config, Report& report);

}  // namespace atl::deck
