#include "sim/scenario.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <numeric>

#include "deck/names.hpp"
#include "sim/fault_plan.hpp"

namespace atl::sim {

namespace {

deck::OuterSection draw_outer(StormOuterSection const& from, Scenario const& scenario, Draws& draws) {
  deck::OuterSection outer;
  bool const is_whole = scenario.method == deck::Method::diloco;
  outer.interval_steps = static_cast<std::uint64_t>(draws.whole(from.interval_steps));
  int const most = std::min(from.fragments[1], static_cast<int>(outer.interval_steps));
  outer.fragments = is_whole ? 1 : draws.few({std::min(from.fragments[0], most), most});
  int const most_overlap = std::min(from.overlap_steps[1], static_cast<int>(outer.interval_steps) - 1);
  outer.overlap_steps =
      is_whole ? 0 : static_cast<std::uint64_t>(draws.whole(from.overlap_steps[0], most_overlap));
  int const sites = scenario.layout.sites;
  outer.quorum = std::clamp(static_cast<int>(draws.real(from.quorum_share) * sites + 0.5), 1, sites);
  outer.grace = draws.among(from.grace);
  outer.receive = draws.among(from.receive);
  outer.late = draws.among(from.late);
  outer.merge = draws.among(from.merge);
  outer.anchor = draws.among(from.anchor);
  outer.codec = draws.among(from.codec);
  outer.release_codec = draws.among(from.release_codec);
  outer.in_flight = draws.whole(from.in_flight);
  outer.max_staleness = static_cast<std::uint64_t>(draws.whole(from.max_staleness));
  double const gate_z = draws.real(from.gate_z);
  outer.gate_z = draws.chance(from.norm_gate) ? gate_z : 0.0;
  outer.grace_s = draws.real(0.0, 2.0) * scenario.slowest_step_s();
  outer.grace_cap_s = 4.0 * scenario.slowest_step_s();
  outer.dead_after_s = draws.real(from.dead_after_steps) * scenario.slowest_step_s();
  if (scenario.is_synchronous()) {
    outer.quorum = sites;
    outer.anchor = deck::Anchor::base;
    outer.late = deck::Late::drop;
    outer.receive = is_whole ? deck::Receive::overwrite : deck::Receive::blend;
  } else if (outer.receive == deck::Receive::rebase) {
    outer.late = deck::Late::drop;  // there is nothing to carry: no work is ever lost
  }
  return outer;
}

}  // namespace

double Scenario::slowest_step_s() const { return *std::ranges::max_element(step_s); }

double Scenario::progress_window_s() const {
  double const latency_s = 1.5 * links.latency_s * (1.0 + links.jitter);
  double const transfer_s = 700.0 / links.bytes_per_s;  // of a frame, at the slowest link
  double const exchange_s =
      8.0 * latency_s + 4.0 * outer.fragments * transfer_s * (1.0 + 1.0 / outer.in_flight);
  double const round_steps = 2.5 * static_cast<double>(outer.interval_steps) + 8.0;
  return 1.2 * round_steps * slowest_step_s() + 2.0 * exchange_s + outer.dead_after_s + outer.grace_cap_s +
         outer.grace_s;
}

Scenario draw_scenario(StormConfig const& config, std::uint64_t seed) {
  Draws draws(seed, Stream::scenario);
  Scenario scenario{.seed = seed};
  scenario.method = draws.among(config.storm.method);
  scenario.layout = {draws.few(config.storm.sites), draws.whole(config.storm.shards)};
  double const pace_s = draws.real(config.storm.step_s);
  double const spread = draws.chance(0.5) ? 1.2 : 4.0;
  for (int site = 0; site < scenario.layout.sites; ++site) {
    double const own_s = pace_s * draws.real(1.0, spread);
    scenario.step_s.push_back(std::clamp(own_s, config.storm.step_s[0], config.storm.step_s[1]));
  }
  scenario.outer = draw_outer(config.outer, scenario, draws);
  scenario.links = {.latency_s = draws.real(config.links.latency_steps) * pace_s,
                    .bytes_per_s = 125.0 * draws.real(config.links.bandwidth_kbit_s),
                    .jitter = draws.real(config.links.jitter)};
  scenario.stops_each = !scenario.is_synchronous() && draws.chance(config.storm.stops_each);

  bool const replicated = draws.chance(config.storm.replicated);
  scenario.is_replicated = replicated && !scenario.is_synchronous() && scenario.layout.shards > 1;

  // A step of a site is a boundary and a message to every shard.
  auto const sites = static_cast<std::uint64_t>(scenario.layout.sites);
  auto const events_per_step = sites * (1 + static_cast<std::uint64_t>(scenario.layout.shards));
  auto const interval = scenario.outer.interval_steps;
  auto const shortest = 3 * config.storm.min_events / (2 * events_per_step) + 1;  // and some to spare
  scenario.steps =
      std::max(shortest, interval * static_cast<std::uint64_t>(draws.whole(config.storm.intervals)));
  bool const checkpoints = draws.chance(config.storm.checkpoints);
  if (checkpoints) scenario.checkpoint_every = interval + static_cast<std::uint64_t>(draws.whole(1, 20));

  // The clock follows the K-th fastest.
  auto paces = scenario.step_s;
  std::ranges::sort(paces);
  double const length_s =
      static_cast<double>(scenario.steps) * paces[static_cast<std::size_t>(scenario.outer.quorum - 1)];
  bool const has_snapshots = !scenario.is_synchronous() && !scenario.is_replicated;
  if (has_snapshots && draws.chance(config.storm.snapshots)) {
    for (int left = draws.whole(1, 4); left > 0; --left)
      scenario.snapshots_s.push_back(draws.real(0.05, 0.9) * length_s);
    std::ranges::sort(scenario.snapshots_s);
  }
  Draws fault_draws(seed, Stream::faults);
  bool const to_the_end = fault_draws.chance(config.faults.to_the_end);
  scenario.calm_s = to_the_end ? std::numeric_limits<double>::infinity() : 0.7 * length_s;
  scenario.links.straggle_s = 20.0 * scenario.slowest_step_s();
  double const end_s = to_the_end ? 0.95 * length_s : 0.65 * length_s;
  scenario.faults = draw_faults(config.faults, scenario, end_s, fault_draws);
  scenario.ambushes = draw_ambushes(config.faults, scenario, fault_draws);
  if (!to_the_end) {
    for (auto& fault : scenario.faults) {
      bool const is_for_ever = fault.to_s > 1e300;
      if (!is_for_ever) fault.to_s = std::min(fault.to_s, scenario.calm_s);
    }
  }
  return scenario;
}

std::string Scenario::text() const {
  std::string lines = fmt::format(
      "seed {}: {}, {} sites, {} shards{}, {} steps{}{}\n"
      "  P {}, H {}, tau {}, K {}, grace {}, receive {}, late {}, merge {}, anchor {}, codec {}/{}, in "
      "flight {}, "
      "staleness {}, gate {:.1f}, dead after {:.1f} s\n"
      "  links: {:.2f} s, {:.0f} B/s, jitter {:.1f}; steps:",
      seed, deck::name(method), layout.sites, layout.shards, is_replicated ? " with backups" : "", steps,
      stops_each ? " each" : "",
      checkpoint_every > 0 ? fmt::format(", checkpoint every {}", checkpoint_every) : "", outer.fragments,
      outer.interval_steps, outer.overlap_steps, outer.quorum, deck::name(outer.grace),
      deck::name(outer.receive), deck::name(outer.late), deck::name(outer.merge), deck::name(outer.anchor),
      deck::name(outer.codec), deck::name(outer.release_codec), outer.in_flight, outer.max_staleness,
      outer.gate_z, outer.dead_after_s, links.latency_s, links.bytes_per_s, links.jitter);
  for (double const each_s : step_s) lines += fmt::format(" {:.2f}", each_s);
  lines += " s\n";
  for (auto const& fault : faults) {
    lines += fmt::format("  {:9.3f} .. {:9.3f}  {} of {}{}{}\n", fault.from_s, fault.to_s, name(fault.kind),
                         layout.name(fault.node), fault.other >= 0 ? " with " + layout.name(fault.other) : "",
                         fault.strength > 0 ? fmt::format(" ({:.2f})", fault.strength) : "");
  }
  return lines;
}

}  // namespace atl::sim
