// The sites of a fleet in virtual time: which trains, with how much of its chips, at what speed.
#pragma once

#include <cstdint>
#include <queue>
#include <utility>
#include <vector>

#include "sim/fleet/config.hpp"
#include "sim/fleet/site_life.hpp"

namespace atl::sim {

struct FleetShape {
  double chips = 0.0;
  int sites = 1;
  int scavenged = 0;  // the last of the sites
  bool is_elastic = true;
};

struct SiteChange {
  double time_s = 0.0;
  int site = 0;
  SiteState state;
};

// Driven from outside: next() moves one site to its next state and says so, in the order of time (ties: of
// sites). What happens to a site depends on the seed and its number alone, not on when one asks.
class Fleet {
 public:
  Fleet(FleetSection const& fleet, FleetLinkSection const& link, FleetShape const& shape);

  int sites() const { return static_cast<int>(lives_.size()); }
  SiteState const& state(int site) const { return lives_[static_cast<std::size_t>(site)].state(); }
  double next_s() const { return upcoming_.top().first; }
  SiteChange next();

  // How long step number `step` of a site takes. Fewer slices take a smaller batch, not more time.
  double step_s(int site, std::uint64_t step) const;

  // Of all sites up to `time_s`, which is not after next_s(): useful training, and time they were allotted.
  double trained_s(double time_s) const;
  double allocated_s(double time_s) const;

 private:
  base::Philox rng_;
  double step_s_, slowest_, step_noise_;
  std::vector<SiteLife> lives_;
  using Upcoming = std::pair<double, int>;
  std::priority_queue<Upcoming, std::vector<Upcoming>, std::greater<>> upcoming_;
};

}  // namespace atl::sim
