// A decoupled fleet, trained by the machines of real runs without a payload: who takes part in commits, how
// stale contributions are, what the links carry, what all that is worth.
#pragma once

#include <cstdint>
#include <functional>

#include "sim/fleet/config.hpp"

namespace atl::sim {

struct DecoupledRow {
  int sites = 0;
  std::uint64_t commits = 0;
  std::uint64_t events = 0;    // boundaries of sites, messages, timers, changes of a site's chips
  double virtual_s = 0.0;      // how long the run took
  double participation = 0.0;  // members of a commit over live sites, on average
  double staleness = 0.0;      // commits of its fragment that a contribution missed, on average
  double exposed_wait = 0.0;   // share of the time that sites could train in which they stood still
  double goodput = 0.0;        // training over allotted chip time
  double merged = 0.0;         // share of the training that is in the model
  double uptime = 0.0;         // share of the time in which at least one site could train
  double site_gbit_s = 0.0;    // both directions together, on average
  bool operator==(DecoupledRow const&) const = default;
};

// One fleet of so many sites; `progress` is told now and then how much is done, of 1. The same config gives
// the same row. RuntimeFailure where the clock does not get on.
DecoupledRow simulate_decoupled(DecoupledConfig const& config, int sites,
                                std::function<void(double)> const& progress);

}  // namespace atl::sim
