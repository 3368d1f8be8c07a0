// What decks of fleet simulations say, as checked structs. Defaults stand here; names and ranges in keys.cpp.
#pragma once

#include <cstdint>
#include <vector>

#include "deck/config.hpp"

namespace atl::sim {

// How chips fail and what a site does about it; how fast sites are, and which come and go.
struct FleetSection {
  double chip_mtbi_years = 1.0;  // mean time between interruptions of one chip
  int slices = 4;                // of a site: one trains only if all its chips do
  int spares = 0;                // more slices a site, in reserve
  double shrink_s = 8.0;
  double regrow_s = 8.0;
  double return_s = 70.0;
  double state_gbyte = 60.0;  // what a site that lost everything copies from a peer
  double checkpoint_every_s = 0.0;
  double step_s = 1.0;
  double slowest = 1.0;
  double step_noise = 0.0;
  int scavenged = 0;
  double present_h = 4.0;
  double absent_h = 4.0;
  std::uint64_t seed = 1;
  bool operator==(FleetSection const&) const = default;
};

struct FleetLinkSection {
  double delay_ms = 50.0;
  double bandwidth_gbit_s = 100.0;
  bool operator==(FleetLinkSection const&) const = default;
};

// A table of goodput: fleets of so many chips, without elasticity, elastic, and decoupled into so many sites.
struct GoodputSection {
  std::vector<int> chips = {150'000, 300'000, 600'000, 1'200'000, 2'400'000};
  std::vector<int> sites = {2, 4, 8, 16};
  double failures = 100'000;
  std::vector<double> published_rigid, published_elastic;  // one a fleet size, in per cent; none: unknown
  std::vector<double> published_decoupled;                 // the same for each number of sites in turn
  bool operator==(GoodputSection const&) const = default;
};

struct GoodputConfig {
  FleetSection fleet;
  FleetLinkSection link;
  GoodputSection goodput;
  bool operator==(GoodputConfig const&) const = default;
};

// Decoupled fleets with the machines of real runs: one for each number of sites.
struct DecoupledSection {
  std::vector<int> sites = {4, 16, 64};
  int site_chips = 2344;
  std::uint64_t steps = 1000;  // of the clock
  double parameters = 5e9;
  double bits = 4.0, release_bits = 16.0;
  double syncer_gbit_s = 0.0;
  std::uint64_t interval_steps = 24;
  int fragments = 24;
  std::uint64_t overlap_steps = 2;
  double quorum_share = 0.0;
  double grace_floor_steps = 1.0;
  double grace_cap_s = 10.0;
  deck::Receive receive = deck::Receive::rebase;
  deck::Late late = deck::Late::drop;
  std::uint64_t max_staleness = 4;
  int in_flight = 4;
  double dead_after_s = 30.0;
  bool operator==(DecoupledSection const&) const = default;
};

struct DecoupledConfig {
  FleetSection fleet;
  FleetLinkSection link;
  DecoupledSection decoupled;
  bool operator==(DecoupledConfig const&) const = default;
};

// A table of bandwidths: what a link between sites must carry for its chips to be busy.
struct BandwidthSection {
  int layers = 24;
  double parameters = 1e9;
  double step_s = 0.1;  // of computing
  std::uint64_t interval_steps = 100;
  int fragment_layers = 3;
  std::uint64_t overlap_steps = 1;
  double bits = 16.0, coded_bits = 4.0;
  std::vector<double> utilisation = {0.5, 0.8, 0.9, 0.95, 0.99};
  double lowest_gbit_s = 0.1, highest_gbit_s = 1000.0;
  int points = 50;
  std::vector<double> published_data_parallel, published_diloco, published_streaming, published_overlap,
      published_coded;  // one for each utilisation; none: unknown
  bool operator==(BandwidthSection const&) const = default;
};

struct BandwidthConfig {
  BandwidthSection bandwidth;
  bool operator==(BandwidthConfig const&) const = default;
};

}  // namespace atl::sim
