// Fleets: tables of goodput and of bandwidth, beside published ones where the deck has them.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "app/simulate.hpp"
#include "base/clock.hpp"
#include "base/exit_code.hpp"
#include "sim/fleet/bandwidth.hpp"
#include "sim/fleet/goodput.hpp"
#include "sim/fleet/keys.hpp"

namespace atl::app {

namespace {

using Json = nlohmann::ordered_json;

Json or_null(std::optional<double> const& figure) { return figure ? Json(*figure) : Json(nullptr); }

std::string scheme_name(sim::GoodputCell const& cell) {
  switch (cell.scheme) {
    case sim::Scheme::rigid:
      return "data parallel";
    case sim::Scheme::elastic:
      return "elastic";
    case sim::Scheme::decoupled:
      break;
  }
  return fmt::format("M = {}", cell.sites);
}

// How near the decoupled cells come to the published ones, which no fit has seen.
struct Comparison {
  int cells = 0, within_3 = 0;
  double furthest = 0.0;  // in points
};

Comparison compare(std::vector<sim::GoodputCell> const& cells) {
  Comparison seen;
  for (auto const& cell : cells) {
    if (cell.scheme != sim::Scheme::decoupled || !cell.published) continue;
    double const points = 100.0 * std::abs(cell.off());
    ++seen.cells;
    seen.within_3 += points <= 3.0;
    seen.furthest = std::max(seen.furthest, points);
  }
  return seen;
}

std::string describe(sim::FleetSection const& fleet) {
  return fmt::format("shrink_s = {:.1f}, regrow_s = {:.1f}, return_s = {:.1f}", fleet.shrink_s,
                     fleet.regrow_s, fleet.return_s);
}

// A line a scheme, a column a fleet size.
void print_rows(std::vector<sim::GoodputCell> const& cells, std::size_t columns, auto const& text_of) {
  for (std::size_t i = 0; i < cells.size(); ++i) {
    if (i % columns == 0) fmt::print("{:<14}", scheme_name(cells[i]));
    fmt::print("{:>14}{}", text_of(cells[i]), (i + 1) % columns == 0 ? "\n" : "");
  }
}

void print_goodput(sim::GoodputConfig const& config, std::vector<sim::GoodputCell> const& cells) {
  auto const columns = config.goodput.chips.size();
  fmt::print("{} slices a site, {}\n\n", config.fleet.slices, describe(config.fleet));
  fmt::print("goodput, % of allotted chip time (published)\n{:<14}{:>14}\n", "chips",
             fmt::join(config.goodput.chips, "      "));
  print_rows(cells, columns, [](auto const& cell) {
    return fmt::format("{:.1f}{}", 100.0 * cell.result.goodput,
                       cell.published ? fmt::format(" ({:g})", 100.0 * *cell.published) : "");
  });
  fmt::print("\nuptime, % of the time in which a site trains\n");
  print_rows(cells, columns,
             [](auto const& cell) { return fmt::format("{:.3f}", 100.0 * cell.result.uptime); });
  if (auto const seen = compare(cells); seen.cells > 0)
    fmt::print(
        "\n{} of {} decoupled cells lie within 3 points of the published ones; the furthest {:.1f} away\n",
        seen.within_3, seen.cells, seen.furthest);
}

Json to_json(sim::GoodputConfig const& config, std::vector<sim::GoodputCell> const& cells) {
  auto const seen = compare(cells);
  Json json{{"shrink_s", config.fleet.shrink_s}, {"regrow_s", config.fleet.regrow_s},
            {"return_s", config.fleet.return_s}, {"cells", Json::array()},
            {"decoupled_compared", seen.cells},  {"within_3_points", seen.within_3},
            {"furthest_points", seen.furthest}};
  for (auto const& cell : cells)
    json["cells"].push_back({{"scheme", scheme_name(cell)},
                             {"sites", cell.sites},
                             {"chips", cell.chips},
                             {"goodput", cell.result.goodput},
                             {"published", or_null(cell.published)},
                             {"uptime", cell.result.uptime},
                             {"changes", cell.result.changes}});
  return json;
}

void print_bandwidth(std::vector<sim::BandwidthCell> const& cells, std::size_t columns) {
  fmt::print("Gbit/s that keep chips busy (published, ratio)\n{:<14}", "utilisation");
  for (std::size_t i = 0; i < columns; ++i)
    fmt::print("{:>22}", fmt::format("{:g} %", 100.0 * cells[i].utilisation));
  for (std::size_t i = 0; i < cells.size(); ++i) {
    auto const& [method, utilisation, gbit_s, published] = cells[i];
    if (i % columns == 0) fmt::print("\n{:<14}", method);
    auto text = gbit_s ? fmt::format("{:.2f}", *gbit_s) : "more";
    if (published) text += fmt::format(" ({:g}", *published);
    if (published) text += gbit_s ? fmt::format(", {:.2f})", *gbit_s / *published) : ")";
    fmt::print("{:>22}", text);
  }
  fmt::print("\n");
}

Json to_json(std::vector<sim::BandwidthCell> const& cells) {
  Json json{{"cells", Json::array()}};
  for (auto const& [method, utilisation, gbit_s, published] : cells)
    json["cells"].push_back({{"method", method},
                             {"utilisation", utilisation},
                             {"gbit_s", or_null(gbit_s)},
                             {"published", or_null(published)}});
  return json;
}

}  // namespace

int simulate_goodput(SimulateFlags const& flags, std::string const& text) {
  auto config = sim::parse_goodput(text, flags.deck, flags.overrides);
  base::ProgressBar bar(shows_progress(flags), 100);
  double const begin_s = base::now_s();
  auto const progress = [&](double done) {
    bar.draw(static_cast<std::uint64_t>(100.0 * done), base::now_s() - begin_s);
  };
  std::optional<sim::FittedTimes> fitted;
  if (flags.fit) {
    fitted = sim::fit_times(config, progress);
    config.fleet = fitted->fleet;
  }
  auto const cells = sim::simulate_goodput(config, progress);
  bar.clear();
  if (flags.json) {
    auto json = to_json(config, cells);
    if (fitted) json["fit_rms_points"] = 100.0 * fitted->rms;
    fmt::print("{}\n", json.dump(2));
  } else {
    if (fitted)
      fmt::print("fitted to the {} data-parallel cells, which it leaves {:.1f} points away (rms):\n",
                 2 * config.goodput.chips.size(), 100.0 * fitted->rms);
    print_goodput(config, cells);
  }
  return static_cast<int>(base::ExitCode::done);
}

int simulate_bandwidth(SimulateFlags const& flags, std::string const& text) {
  auto const config = sim::parse_bandwidth(text, flags.deck, flags.overrides);
  auto const cells = sim::simulate_bandwidth(config);
  if (flags.json)
    fmt::print("{}\n", to_json(cells).dump(2));
  else
    print_bandwidth(cells, config.bandwidth.utilisation.size());
  return static_cast<int>(base::ExitCode::done);
}

}  // namespace atl::app
