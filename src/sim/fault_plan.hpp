// Which faults a seed draws.
#pragma once

#include <vector>

#include "sim/config.hpp"
#include "sim/draws.hpp"
#include "sim/scenario.hpp"

namespace atl::sim {

// Beginning before `end_s`. Two of one kind at one node do not overlap; and of the sites so many return that
// a quorum is left.
std::vector<Fault> draw_faults(StormFaultsSection const& from, Scenario const& scenario, double end_s,
                               Draws& draws);
std::vector<Ambush> draw_ambushes(StormFaultsSection const& from, Scenario const& scenario, Draws& draws);

}  // namespace atl::sim
