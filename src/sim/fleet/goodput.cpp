#include "sim/fleet/goodput.hpp"

#include <cmath>

#include "base/error.hpp"
#include "sim/fleet/nelder_mead.hpp"

namespace atl::sim {

namespace {

constexpr double year_s = 365.0 * 86400.0;

struct Row {
  Scheme scheme;
  int sites;
  std::vector<double> published;
};

std::vector<Row> rows_of(GoodputSection const& goodput) {
  std::vector<Row> rows{{Scheme::rigid, 1, goodput.published_rigid},
                        {Scheme::elastic, 1, goodput.published_elastic}};
  auto published = goodput.published_decoupled.begin();
  for (int const sites : goodput.sites) {
    rows.push_back({Scheme::decoupled, sites, {}});
    if (goodput.published_decoupled.empty()) continue;
    auto const end = published + std::ssize(goodput.chips);
    rows.back().published.assign(published, end);
    published = end;
  }
  return rows;
}

std::vector<GoodputCell> empty_cells(GoodputSection const& goodput, std::vector<Row> const& rows) {
  std::vector<GoodputCell> cells;
  for (auto const& row : rows) {
    for (std::size_t i = 0; i < goodput.chips.size(); ++i) {
      cells.push_back({.scheme = row.scheme, .sites = row.sites, .chips = goodput.chips[i]});
      if (!row.published.empty()) cells.back().published = row.published[i] / 100.0;
    }
  }
  return cells;
}

void simulate(GoodputConfig const& config, double failures, GoodputCell& cell) {
  double const chips = cell.chips;
  double const duration_s = failures * config.fleet.chip_mtbi_years * year_s / chips;
  FleetShape const shape{.chips = chips,
                         .sites = cell.sites,
                         .scavenged = cell.scheme == Scheme::decoupled ? config.fleet.scavenged : 0,
                         .is_elastic = cell.scheme != Scheme::rigid};
  cell.result = observe(Fleet(config.fleet, config.link, shape), duration_s);
}

}  // namespace

Availability observe(Fleet fleet, double duration_s) {
  Availability seen;
  int training = fleet.sites();
  std::vector<char> is_training(static_cast<std::size_t>(fleet.sites()), 1);
  double up_s = 0.0, now = 0.0;
  while (fleet.next_s() < duration_s) {
    auto const change = fleet.next();
    if (training > 0) up_s += change.time_s - now;
    now = change.time_s;
    auto& was = is_training[static_cast<std::size_t>(change.site)];
    char const is = change.state.kind == SiteState::Kind::training;
    training += is - was;
    was = is;
    ++seen.changes;
  }
  if (training > 0) up_s += duration_s - now;
  seen.goodput = fleet.trained_s(duration_s) / fleet.allocated_s(duration_s);
  seen.uptime = up_s / duration_s;
  return seen;
}

std::vector<GoodputCell> simulate_goodput(GoodputConfig const& config, Progress const& progress) {
  auto cells = empty_cells(config.goodput, rows_of(config.goodput));
  for (std::size_t i = 0; i < cells.size(); ++i) {
    simulate(config, config.goodput.failures, cells[i]);
    progress(static_cast<double>(i + 1) / static_cast<double>(cells.size()));
  }
  return cells;
}

FittedTimes fit_times(GoodputConfig const& config, Progress const& progress) {
  auto rows = rows_of(config.goodput);
  rows.resize(2);
  if (rows[0].published.empty() || rows[1].published.empty())
    throw base::InputError("goodput.published_rigid, goodput.published_elastic",
                           "--fit has nothing to fit to", "give the deck both published rows");
  auto cells = empty_cells(config.goodput, rows);

  // Every trial sees the same failures, and a fifth of them is enough to tell trials apart. Logarithms keep
  // times above zero.
  auto trial = config;
  auto const set = [&](std::vector<double> const& log_times) {
    trial.fleet.shrink_s = std::exp(log_times[0]);
    trial.fleet.regrow_s = std::exp(log_times[1]);
    trial.fleet.return_s = std::exp(log_times[2]);
  };
  constexpr int trials = 120;
  int tried = 0;
  auto const error = [&](std::vector<double> const& log_times) {
    set(log_times);
    double sum = 0.0;
    for (auto& cell : cells) {
      simulate(trial, config.goodput.failures / 5.0, cell);
      sum += cell.off() * cell.off();
    }
    progress(static_cast<double>(++tried) / trials);
    return sum / static_cast<double>(cells.size());
  };
  auto const positive = [](double s) { return std::log(std::max(s, 1e-3)); };
  auto const best = nelder_mead(
      error,
      {positive(config.fleet.shrink_s), positive(config.fleet.regrow_s), positive(config.fleet.return_s)},
      0.3, trials);
  set(best.at);
  return {.fleet = trial.fleet, .rms = std::sqrt(best.value)};
}

}  // namespace atl::sim
