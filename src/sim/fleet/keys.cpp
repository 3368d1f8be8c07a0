#include "sim/fleet/keys.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace atl::sim {

namespace {

using deck::above, deck::any, deck::at_least, deck::between, deck::Field;

constexpr deck::Range duration_s = between(0, 1e6);
constexpr deck::Range share{0, 1, true, true};  // neither end
constexpr deck::Range percent = between(0, 100);

// clang-format off
// What goodput and decoupled decks have in common.
template <class Config>
deck::KeyTable<Config> declare_fleet() {
  deck::KeyTable<Config> table;
  using F = FleetSection;
  table.declare("fleet", &Config::fleet,
    Field{"chip_mtbi_years", &F::chip_mtbi_years, between(1e-6, 1e6), "years",
          "mean time between interruptions of one chip"},
    Field{"slices", &F::slices, between(1, 4096), "",
          "equal parts of a site; one trains only while all its chips do"},
    Field{"spares", &F::spares, between(0, 4096), "",
          "further slices of a site, in reserve; they are taken from its chips"},
    Field{"shrink_s", &F::shrink_s, duration_s, "s",
          "a site stands still this long to go on without a slice"},
    Field{"regrow_s", &F::regrow_s, duration_s, "s",
          "a site stands still this long to take slices in, or to start again"},
    Field{"return_s", &F::return_s, duration_s, "s",
          "this long after its first loss a site has all its chips back"},
    Field{"state_gbyte", &F::state_gbyte, between(0, 1e9), "GB",
          "what a site that lost every slice copies from another one"},
    Field{"checkpoint_every_s", &F::checkpoint_every_s, duration_s, "s",
          "training between two checkpoints; what is newer is lost where no peer has it; 0: nothing is"},
    Field{"step_s", &F::step_s, between(1e-6, 1e6), "s", "an inner step of the fastest site"},
    Field{"slowest", &F::slowest, between(1, 1000), "",
          "step time of the slowest site over the fastest's; the others lie evenly between"},
    Field{"step_noise", &F::step_noise, between(0, 1), "",
          "standard deviation of single steps, of the step's time"},
    Field{"scavenged", &F::scavenged, between(0, 32768), "sites",
          "the last sites of a decoupled fleet, which come and go"},
    Field{"present_h", &F::present_h, between(1e-6, 1e6), "h",
          "a scavenged site is there so long, on average"},
    Field{"absent_h", &F::absent_h, between(1e-6, 1e6), "h", "and away so long"},
    Field{"seed", &F::seed, at_least(0), "", "of failures, of coming and going, of noise"});
  using L = FleetLinkSection;
  table.declare("link", &Config::link,
    Field{"delay_ms", &L::delay_ms, between(0, 1e6), "ms", "of a message between sites"},
    Field{"bandwidth_gbit_s", &L::bandwidth_gbit_s, between(1e-3, 1e9), "Gbit/s", "of a site's link"});
  return table;
}

deck::KeyTable<GoodputConfig> declare_goodput() {
  auto table = declare_fleet<GoodputConfig>();
  using G = GoodputSection;
  table.declare("goodput", &GoodputConfig::goodput,
    Field{"chips", &G::chips, between(1, 1e9), "chips", "of a fleet: one column each"},
    Field{"sites", &G::sites, between(1, 32768), "sites", "of a decoupled fleet: one row each"},
    Field{"failures", &G::failures, between(100, 1e9), "",
          "of chips, that a fleet lives through in one cell"},
    Field{"published_rigid", &G::published_rigid, percent, "%",
          "data parallel without elasticity, to compare with and to fit to"},
    Field{"published_elastic", &G::published_elastic, percent, "%", "elastic data parallel, likewise"},
    Field{"published_decoupled", &G::published_decoupled, percent, "%",
          "decoupled, row by row, to compare with"});
  return table;
}

deck::KeyTable<DecoupledConfig> declare_decoupled() {
  auto table = declare_fleet<DecoupledConfig>();
  using D = DecoupledSection;
  table.declare("decoupled", &DecoupledConfig::decoupled,
    Field{"sites", &D::sites, between(1, 32768), "sites", "of a fleet: one row each"},
    Field{"site_chips", &D::site_chips, between(1, 1e9), "chips", "of each site"},
    Field{"steps", &D::steps, between(1, 1e9), "steps", "length of the run, on the syncer's clock"},
    Field{"parameters", &D::parameters, between(1, 1e15), "", "of the model, spread evenly over its fragments"},
    Field{"bits", &D::bits, between(0.1, 64), "bits", "of a parameter in a contribution"},
    Field{"release_bits", &D::release_bits, between(0.1, 64), "bits", "of a parameter in a release"},
    Field{"syncer_gbit_s", &D::syncer_gbit_s, between(0, 1e9), "Gbit/s",
          "what the syncer takes in, and what it gives out, for all sites together; 0: no limit"},
    Field{"interval_steps", &D::interval_steps, between(1, 10000), "steps", "H, as in [outer] of a run, as are all below"},
    Field{"fragments", &D::fragments, between(1, 10000), "", "P"},
    Field{"overlap_steps", &D::overlap_steps, between(0, 1000), "steps", "tau"},
    Field{"quorum_share", &D::quorum_share, between(0, 1), "", "K: this share of the sites, and one at least"},
    Field{"grace_floor_steps", &D::grace_floor_steps, between(0, 1000), "steps", "least adaptive grace"},
    Field{"grace_cap_s", &D::grace_cap_s, duration_s, "s", "most adaptive grace"},
    Field{"receive", &D::receive, any, "", "what adoption makes of a site's own progress"},
    Field{"late", &D::late, any, "", "contributions after the close"},
    Field{"max_staleness", &D::max_staleness, between(0, 1e6), "commits", "older bases are refused"},
    Field{"in_flight", &D::in_flight, between(1, 4096), "", "contributions of a site on the wire"},
    Field{"dead_after_s", &D::dead_after_s, between(1e-3, 1e9), "s", "silence that counts as loss"});
  return table;
}

deck::KeyTable<BandwidthConfig> declare_bandwidth() {
  deck::KeyTable<BandwidthConfig> table;
  using B = BandwidthSection;
  table.declare("bandwidth", &BandwidthConfig::bandwidth,
    Field{"layers", &B::layers, between(1, 1024), "", "of the model, alike"},
    Field{"parameters", &B::parameters, between(1, 1e15), "", "of the model, spread evenly over its layers"},
    Field{"step_s", &B::step_s, between(1e-6, 1e6), "s", "of computing, in an inner step"},
    Field{"interval_steps", &B::interval_steps, between(1, 10000), "steps",
          "H: between two exchanges of one fragment"},
    Field{"fragment_layers", &B::fragment_layers, between(1, 1024), "", "of a fragment (streaming)"},
    Field{"overlap_steps", &B::overlap_steps, between(0, 1000), "steps",
          "tau: what an exchange may take without cost (overlap)"},
    Field{"bits", &B::bits, between(0.1, 64), "bits", "on the wire, of one parameter"},
    Field{"coded_bits", &B::coded_bits, between(0.1, 64), "bits", "the same with a codec"},
    Field{"utilisation", &B::utilisation, share, "", "of the chips: one column each"},
    Field{"lowest_gbit_s", &B::lowest_gbit_s, between(1e-6, 1e9), "Gbit/s",
          "the bandwidths tried begin here"},
    Field{"highest_gbit_s", &B::highest_gbit_s, between(1e-6, 1e9), "Gbit/s", "and end here"},
    Field{"points", &B::points, between(2, 100000), "", "so many, evenly in their logarithm"},
    Field{"published_data_parallel", &B::published_data_parallel, above(0), "Gbit/s",
          "to compare with, one for each utilisation"},
    Field{"published_diloco", &B::published_diloco, above(0), "Gbit/s", "likewise"},
    Field{"published_streaming", &B::published_streaming, above(0), "Gbit/s", "likewise"},
    Field{"published_overlap", &B::published_overlap, above(0), "Gbit/s", "likewise"},
    Field{"published_coded", &B::published_coded, above(0), "Gbit/s", "likewise"});
  return table;
}
// clang-format on

void require_size(deck::Report& report, char const* key, char const* of, std::size_t has,
                  std::size_t wanted) {
  report.require(has == 0 || has == wanted, {key, of},
                 fmt::format("{} has {} figures, {} asks for {}", key, has, of, wanted),
                 "give one for each, or leave the key out");
}

void check_goodput(GoodputConfig const& c, deck::Report& report) {
  auto const& g = c.goodput;
  require_size(report, "goodput.published_rigid", "goodput.chips", g.published_rigid.size(), g.chips.size());
  require_size(report, "goodput.published_elastic", "goodput.chips", g.published_elastic.size(),
               g.chips.size());
  require_size(report, "goodput.published_decoupled", "goodput.sites", g.published_decoupled.size(),
               g.chips.size() * g.sites.size());
  int const most_sites = std::ranges::max(g.sites), fewest_chips = std::ranges::min(g.chips);
  report.require(fewest_chips / most_sites >= c.fleet.slices + c.fleet.spares,
                 {"goodput.chips", "goodput.sites", "fleet.slices", "fleet.spares"},
                 fmt::format("{} chips in {} sites are too few for {} slices each", fewest_chips, most_sites,
                             c.fleet.slices + c.fleet.spares),
                 "a slice has at least one chip");
  report.require(c.fleet.scavenged <= std::ranges::min(g.sites), {"fleet.scavenged", "goodput.sites"},
                 fmt::format("fleet.scavenged = {} are more than the sites of a fleet", c.fleet.scavenged),
                 fmt::format("set it to at most {}", std::ranges::min(g.sites)));
}

void check_decoupled(DecoupledConfig const& c, deck::Report& report) {
  auto const& d = c.decoupled;
  report.require(
      d.site_chips >= c.fleet.slices + c.fleet.spares,
      {"decoupled.site_chips", "fleet.slices", "fleet.spares"},
      fmt::format("{} chips are too few for {} slices", d.site_chips, c.fleet.slices + c.fleet.spares),
      "a slice has at least one chip");
  report.require(c.fleet.scavenged <= std::ranges::min(d.sites), {"fleet.scavenged", "decoupled.sites"},
                 fmt::format("fleet.scavenged = {} are more than the sites of a fleet", c.fleet.scavenged),
                 fmt::format("set it to at most {}", std::ranges::min(d.sites)));
  report.require(static_cast<std::uint64_t>(d.fragments) <= d.interval_steps,
                 {"decoupled.fragments", "decoupled.interval_steps"},
                 fmt::format("decoupled.fragments = {} in {} steps", d.fragments, d.interval_steps),
                 fmt::format("set it to at most {}", d.interval_steps));
  report.require(d.receive != deck::Receive::rebase || d.late == deck::Late::drop,
                 {"decoupled.late", "decoupled.receive"}, "with rebase nothing is late: theta keeps it",
                 "leave decoupled.late out");
}

void check_bandwidth(BandwidthConfig const& c, deck::Report& report) {
  auto const& b = c.bandwidth;
  report.require(b.lowest_gbit_s < b.highest_gbit_s, {"bandwidth.lowest_gbit_s", "bandwidth.highest_gbit_s"},
                 "bandwidth.lowest_gbit_s is not below bandwidth.highest_gbit_s", "swap them");
  report.require(b.fragment_layers <= b.layers, {"bandwidth.fragment_layers", "bandwidth.layers"},
                 fmt::format("bandwidth.fragment_layers = {} of {} layers", b.fragment_layers, b.layers),
                 fmt::format("set it to at most {}", b.layers));
  for (auto const& [key, list] : {std::pair{"bandwidth.published_data_parallel", &b.published_data_parallel},
                                  {"bandwidth.published_diloco", &b.published_diloco},
                                  {"bandwidth.published_streaming", &b.published_streaming},
                                  {"bandwidth.published_overlap", &b.published_overlap},
                                  {"bandwidth.published_coded", &b.published_coded}})
    require_size(report, key, "bandwidth.utilisation", list->size(), b.utilisation.size());
}

}  // namespace

deck::KeyTable<GoodputConfig> const& goodput_keys() {
  static auto const table = declare_goodput();
  return table;
}

deck::KeyTable<DecoupledConfig> const& decoupled_keys() {
  static auto const table = declare_decoupled();
  return table;
}

deck::KeyTable<BandwidthConfig> const& bandwidth_keys() {
  static auto const table = declare_bandwidth();
  return table;
}

GoodputConfig parse_goodput(std::string const& text, std::string const& where,
                            std::vector<std::string> const& overrides) {
  return goodput_keys().parse(text, where, overrides, check_goodput);
}

DecoupledConfig parse_decoupled(std::string const& text, std::string const& where,
                                std::vector<std::string> const& overrides) {
  return decoupled_keys().parse(text, where, overrides, check_decoupled);
}

BandwidthConfig parse_bandwidth(std::string const& text, std::string const& where,
                                std::vector<std::string> const& overrides) {
  return bandwidth_keys().parse(text, where, overrides, check_bandwidth);
}

}  // namespace atl::sim
