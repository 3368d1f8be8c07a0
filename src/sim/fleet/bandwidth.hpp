// What a link between sites must carry for their chips to be busy, by method: a step as a graph of layers,
// after the simulator of Streaming DiLoCo (arXiv 2501.18512).
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "sim/fleet/config.hpp"

namespace atl::sim {

// Fragment f of P, the layers l with l mod P = f, is reduced in the steps s with s mod H = f H / P, and must
// be there `overlap_steps` later.
struct ExchangePlan {
  std::string method;
  std::uint64_t interval_steps = 1;  // H
  int fragments = 1;                 // P
  std::uint64_t overlap_steps = 0;
  double bits = 16.0;  // of a parameter on the wire
};

// Data parallel, DiLoCo, streaming, streaming with overlap, and that with coded contributions.
std::vector<ExchangePlan> exchange_plans(BandwidthSection const& model);

// Share of the time in which chips compute, once transients are over. A step has a node per layer for the
// forward pass, the backward pass of activations (not of the first layer) and of parameters, and for the
// reduction, where one is due: 4 L - 1 at most. Chips compute one node at a time, the link reduces one layer
// at a time; a forward node waits for the reduction of its layer that is due.
double utilisation(BandwidthSection const& model, ExchangePlan const& plan, double gbit_s);

struct BandwidthCell {
  std::string method;
  double utilisation = 0.0;
  std::optional<double> gbit_s;  // nothing: more than the highest that was tried
  std::optional<double> published;
};

// Method by method: the lowest bandwidth tried that reaches each utilisation.
std::vector<BandwidthCell> simulate_bandwidth(BandwidthConfig const& config);

}  // namespace atl::sim
