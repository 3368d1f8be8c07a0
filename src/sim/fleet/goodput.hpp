// Goodput and uptime of fleets under failures: the cells of a table, and the times that explain a published
// one.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "sim/fleet/config.hpp"
#include "sim/fleet/fleet.hpp"

namespace atl::sim {

struct Availability {
  double goodput = 0.0;  // useful training over allotted chip time
  double uptime = 0.0;   // share of the time in which at least one site trained
  std::uint64_t changes = 0;
};

Availability observe(Fleet fleet, double duration_s);

enum class Scheme { rigid, elastic, decoupled };

struct GoodputCell {
  Scheme scheme = Scheme::rigid;
  int sites = 1;
  int chips = 0;
  Availability result;
  std::optional<double> published;  // goodput

  double off() const { return published ? result.goodput - *published : 0.0; }
};

// Told now and then how much of the work is done, of 1.
using Progress = std::function<void(double)>;

// Row by row: rigid, elastic, then each number of sites; in each the fleets from the deck's first to its
// last.
std::vector<GoodputCell> simulate_goodput(GoodputConfig const& config, Progress const& progress);

// The shrink, regrow and return times with which the two data-parallel rows come nearest to the published
// ones (least squares), from those of `config` on. Decoupled cells are not looked at. InputError where the
// deck has no published rows.
struct FittedTimes {
  FleetSection fleet;
  double rms = 0.0;  // of the cells that were fitted
};
FittedTimes fit_times(GoodputConfig const& config, Progress const& progress);

}  // namespace atl::sim
