// What must hold between keys, and which values of which keys this version has.
#pragma once

#include "deck/config.hpp"
#include "deck/report.hpp"

namespace atl::deck {

// Every relation between the keys of `config`, each of which is within its own range.
void check_relations(RunConfig const& config, Report& report);

// Refuses what a deck may say but this version cannot do yet.
void check_available(RunConfig const& config, Report& report);

// The values of "section.key" that this version has; empty where it has them all.
std::vector<std::string_view> available_values(std::string_view path);

}  // namespace atl::deck
