// Decoupled fleets: the machines of real runs, with chips that fail and links that are slow.
#include <fmt/format.h>

#include <ctime>
#include <nlohmann/json.hpp>

#include "app/simulate.hpp"
#include "base/clock.hpp"
#include "base/exit_code.hpp"
#include "sim/fleet/decoupled.hpp"
#include "sim/fleet/keys.hpp"

namespace atl::app {

namespace {

using Json = nlohmann::ordered_json;

struct TimedRow {
  sim::DecoupledRow row;
  double seconds = 0.0;  // of one core, that it took to simulate

  double events_per_s() const { return static_cast<double>(row.events) / seconds; }
};

void print(std::vector<TimedRow> const& rows) {
  fmt::print("{:>6}{:>9}{:>14}{:>11}{:>12}{:>10}{:>10}{:>10}{:>13}{:>12}{:>12}\n", "sites", "commits",
             "participation", "staleness", "waiting, %", "goodput,%", "merged, %", "uptime, %",
             "Gbit/s a site", "events", "per core s");
  for (auto const& timed : rows) {
    auto const& row = timed.row;
    fmt::print("{:>6}{:>9}{:>14.3f}{:>11.3f}{:>12.3f}{:>10.2f}{:>10.2f}{:>10.3f}{:>13.3f}{:>12}{:>12.0f}\n",
               row.sites, row.commits, row.participation, row.staleness, 100.0 * row.exposed_wait,
               100.0 * row.goodput, 100.0 * row.merged, 100.0 * row.uptime, row.site_gbit_s, row.events,
               timed.events_per_s());
  }
}

Json to_json(std::vector<TimedRow> const& rows) {
  auto json = Json::array();
  for (auto const& timed : rows) {
    auto const& row = timed.row;
    json.push_back({{"sites", row.sites},
                    {"commits", row.commits},
                    {"virtual_s", row.virtual_s},
                    {"participation", row.participation},
                    {"staleness", row.staleness},
                    {"exposed_wait", row.exposed_wait},
                    {"goodput", row.goodput},
                    {"merged", row.merged},
                    {"uptime", row.uptime},
                    {"site_gbit_s", row.site_gbit_s},
                    {"events", row.events},
                    {"core_seconds", timed.seconds},
                    {"events_per_s", timed.events_per_s()}});
  }
  return {{"fleets", json}};
}

}  // namespace

int simulate_decoupled(SimulateFlags const& flags, std::string const& text) {
  auto const config = sim::parse_decoupled(text, flags.deck, flags.overrides);
  auto const& sites = config.decoupled.sites;
  double total = 0.0, before = 0.0;
  for (int const each : sites) total += each;
  base::ProgressBar bar(shows_progress(flags), 1000);
  double const begin_s = base::now_s();
  std::vector<TimedRow> rows;
  for (int const each : sites) {
    auto const row_begin = std::clock();
    auto const row = sim::simulate_decoupled(config, each, [&](double done) {
      bar.draw(static_cast<std::uint64_t>(1000.0 * (before + done * each) / total), base::now_s() - begin_s);
    });
    rows.push_back({row, static_cast<double>(std::clock() - row_begin) / CLOCKS_PER_SEC});
    before += each;
  }
  bar.clear();
  if (flags.json)
    fmt::print("{}\n", to_json(rows).dump(2));
  else
    print(rows);
  return static_cast<int>(base::ExitCode::done);
}

}  // namespace atl::app
