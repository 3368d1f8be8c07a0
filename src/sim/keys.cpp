#include "sim/keys.hpp"

#include <algorithm>

#include "deck/deck.hpp"

namespace atl::sim {

namespace {

using deck::above, deck::any, deck::at_least, deck::between, deck::Field;

constexpr deck::Range nodes = between(1, 1024);
constexpr deck::Range steps = between(0, 1e6);
constexpr deck::Range share = between(0, 1);
constexpr deck::Range weight = between(0, 1e6);

// clang-format off
deck::KeyTable<StormConfig> declare() {
  deck::KeyTable<StormConfig> table;
  using S = StormSection;
  table.declare("storm", &StormConfig::storm,
    Field{"method", &S::method, any, "", "how the sites learn from one another"},
    Field{"sites", &S::sites, nodes, "sites", "fewest and most; few come more often"},
    Field{"shards", &S::shards, nodes, "shards", "fewest and most"},
    Field{"intervals", &S::intervals, between(1, 1e6), "", "shortest and longest run, in outer.interval_steps"},
    Field{"min_events", &S::min_events, between(1, 1e9), "", "a run is at least as long as this many take"},
    Field{"stops_each", &S::stops_each, share, "", "share of the seeds in which every site ends at its own last step"},
    Field{"replicated", &S::replicated, share, "", "share of the seeds with several shards in which each has a backup"},
    Field{"checkpoints", &S::checkpoints, share, "", "share of the seeds that come to rest for checkpoints"},
    Field{"snapshots", &S::snapshots, share, "", "share of the decoupled seeds without backups that take snapshots while they run"},
    Field{"restart_every", &S::restart_every, between(1, 1e9), "seeds", "every so many goes on once more from its last snapshot"},
    Field{"replay_every", &S::replay_every, between(1, 1e9), "seeds", "every so many is told again from its tapes, under another timing"},
    Field{"step_s", &S::step_s, between(1e-3, 1e4), "s", "a step of the fastest and of the slowest site"});
  using O = StormOuterSection;
  table.declare("outer", &StormConfig::outer,
    Field{"fragments", &O::fragments, between(1, 4096), "", "P, but at most H"},
    Field{"interval_steps", &O::interval_steps, between(1, 1e6), "steps", "H"},
    Field{"overlap_steps", &O::overlap_steps, steps, "steps", "tau, below H"},
    Field{"quorum_share", &O::quorum_share, share, "", "K, of the sites"},
    Field{"grace", &O::grace, any, "", "kinds to draw from"},
    Field{"receive", &O::receive, any, "", "to draw from"},
    Field{"late", &O::late, any, "", "to draw from; with receive = \"rebase\" nothing is carried"},
    Field{"merge", &O::merge, any, "", "to draw from"},
    Field{"anchor", &O::anchor, any, "", "to draw from"},
    Field{"codec", &O::codec, any, "", "of contributions, to draw from"},
    Field{"release_codec", &O::release_codec, any, "", "of releases, to draw from"},
    Field{"in_flight", &O::in_flight, between(1, 4096), "", "contributions of a site on the wire"},
    Field{"max_staleness", &O::max_staleness, steps, "commits", "older bases are refused"},
    Field{"norm_gate", &O::norm_gate, share, "", "share of the seeds in which contributions of an unusual norm are refused"},
    Field{"gate_z", &O::gate_z, between(0, 1e6), "", "how unusual, in deviations"},
    Field{"dead_after_steps", &O::dead_after_steps, between(1, 1e6), "steps", "outer.dead_after_s, in steps of the slowest site"});
  using L = StormLinksSection;
  table.declare("links", &StormConfig::links,
    Field{"latency_steps", &L::latency_steps, between(0, 1e6), "steps", "of a frame, in steps of a fast site"},
    Field{"bandwidth_kbit_s", &L::bandwidth_kbit_s, between(1e-3, 1e12), "kbit/s", "of a link; a fragment is some 50 bytes"},
    Field{"jitter", &L::jitter, between(0, 1e3), "", "a frame's latency is up to this many times longer"});
  using F = StormFaultsSection;
  table.declare("faults", &StormConfig::faults,
    Field{"count", &F::count, between(0, 10000), "", "of faults in a run"},
    Field{"ambushes", &F::ambushes, between(0, 10000), "", "further ones, each when a message of a drawn kind is sent"},
    Field{"delay", &F::delay, weight, "", "weight: frames are late"},
    Field{"duplicate", &F::duplicate, weight, "", "weight: frames arrive twice, and the transport drops the second"},
    Field{"repeat", &F::repeat, weight, "", "weight: messages are sent twice, and both reach the machine"},
    Field{"damage", &F::damage, weight, "", "weight: payloads arrive damaged, and the transport drops them"},
    Field{"poison", &F::poison, weight, "", "weight: contributions are made of NaN or infinite numbers, or 1000 times as large"},
    Field{"partition", &F::partition, weight, "", "weight: a node, or a link, is cut off"},
    Field{"stall", &F::stall, weight, "", "weight: a node stands still"},
    Field{"slow", &F::slow, weight, "", "weight: a site is slow"},
    Field{"loss", &F::loss, weight, "", "weight: a site is lost, and comes back with its next incarnation"},
    Field{"shard_loss", &F::shard_loss, weight, "", "weight: a shard that another can take over from is lost for good"},
    Field{"notice", &F::notice, weight, "", "weight: a site is told to leave, gives what it has, and comes back with its next incarnation"},
    Field{"together", &F::together, share, "", "share of the faults that begin with the one before"},
    Field{"to_the_end", &F::to_the_end, share, "", "share of the seeds whose faults last into the end of the run"},
    Field{"for_ever", &F::for_ever, share, "", "share of the losses without return, while K sites are left"},
    Field{"lasts_steps", &F::lasts_steps, steps, "steps", "length of a fault, in steps of the slowest site"},
    Field{"delay_steps", &F::delay_steps, steps, "steps", "how late a frame is, likewise"},
    Field{"share", &F::share, share, "", "of the frames that a fault befalls"},
    Field{"slowdown", &F::slowdown, between(1, 1e3), "", "of a slow site's steps"});
  return table;
}
// clang-format on

template <class T>
bool rises(Span<T> const& span) {
  return span[0] <= span[1];
}

void check(StormConfig const& config, deck::Report& report) {
  auto const range = [&](auto const& span, char const* key) {
    report.require(rises(span), {key}, "ends below its beginning", "write the lower number first");
  };
  auto const& [storm, outer, links, faults] = config;
  range(storm.sites, "storm.sites");
  range(storm.shards, "storm.shards");
  range(storm.intervals, "storm.intervals");
  range(storm.step_s, "storm.step_s");
  range(outer.fragments, "outer.fragments");
  range(outer.interval_steps, "outer.interval_steps");
  range(outer.overlap_steps, "outer.overlap_steps");
  range(outer.quorum_share, "outer.quorum_share");
  range(outer.in_flight, "outer.in_flight");
  range(outer.max_staleness, "outer.max_staleness");
  range(outer.gate_z, "outer.gate_z");
  range(outer.dead_after_steps, "outer.dead_after_steps");
  range(links.latency_steps, "links.latency_steps");
  range(links.bandwidth_kbit_s, "links.bandwidth_kbit_s");
  range(links.jitter, "links.jitter");
  range(faults.count, "faults.count");
  range(faults.ambushes, "faults.ambushes");
  range(faults.lasts_steps, "faults.lasts_steps");
  range(faults.delay_steps, "faults.delay_steps");
  range(faults.share, "faults.share");
  range(faults.slowdown, "faults.slowdown");

  auto const methods = [&](auto const& is_one) { return std::ranges::any_of(storm.method, is_one); };
  report.require(!methods([](auto one) { return one == deck::Method::data_parallel; }), {"storm.method"},
                 "has no outer protocol", "choose among decoupled, streaming and diloco");
  bool const breaks = faults.loss + faults.damage + faults.poison > 0 && faults.count[1] > 0;
  report.require(!methods(deck::is_synchronous) || !breaks, {"storm.method", "faults.loss"},
                 "a synchronous method ends with the loss of a site or of a contribution",
                 "set loss, damage and poison to 0");
}

}  // namespace

deck::KeyTable<StormConfig> const& storm_keys() {
  static auto const table = declare();
  return table;
}

StormConfig parse_storm(std::string const& text, std::string const& where,
                        std::vector<std::string> const& overrides) {
  return storm_keys().parse(text, where, overrides, check);
}

}  // namespace atl::sim
