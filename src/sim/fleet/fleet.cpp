#include "sim/fleet/fleet.hpp"

#include <algorithm>

namespace atl::sim {

namespace {

constexpr double year_s = 365.0 * 86400.0;
constexpr double hour_s = 3600.0;
constexpr std::uint64_t noise_streams = std::uint64_t{1} << 32;  // below it, one stream a site of failures

SiteRules rules_of(FleetSection const& fleet, FleetLinkSection const& link, FleetShape const& shape) {
  double const slice_chips = shape.chips / shape.sites / (fleet.slices + fleet.spares);
  return {.slice_failure_rate = slice_chips / (fleet.chip_mtbi_years * year_s),
          .slices = fleet.slices,
          .spares = fleet.spares,
          .is_elastic = shape.is_elastic,
          .has_peers = shape.sites > 1,
          .shrink_s = fleet.shrink_s,
          .regrow_s = fleet.regrow_s,
          .return_s = fleet.return_s,
          .heal_s = link.delay_ms / 1e3 + 8.0 * fleet.state_gbyte / link.bandwidth_gbit_s,
          .checkpoint_every_s = fleet.checkpoint_every_s};
}

}  // namespace

Fleet::Fleet(FleetSection const& fleet, FleetLinkSection const& link, FleetShape const& shape)
    : rng_{fleet.seed}, step_s_(fleet.step_s), slowest_(fleet.slowest), step_noise_(fleet.step_noise) {
  auto rules = rules_of(fleet, link, shape);
  for (int site = 0; site < shape.sites; ++site) {
    if (site == shape.sites - shape.scavenged) {
      rules.mean_present_s = fleet.present_h * hour_s;
      rules.mean_absent_s = fleet.absent_h * hour_s;
    }
    lives_.emplace_back(rules, rng_, static_cast<std::uint64_t>(site));
    upcoming_.emplace(lives_.back().next_s(), site);
  }
}

SiteChange Fleet::next() {
  auto const [time_s, site] = upcoming_.top();
  upcoming_.pop();
  auto& life = lives_[static_cast<std::size_t>(site)];
  life.advance();
  upcoming_.emplace(life.next_s(), site);
  return {time_s, site, life.state()};
}

double Fleet::step_s(int site, std::uint64_t step) const {
  double const place = sites() > 1 ? static_cast<double>(site) / (sites() - 1) : 0.0;
  double const usual_s = step_s_ * (1.0 + (slowest_ - 1.0) * place);
  if (step_noise_ == 0.0) return usual_s;
  double const noise = rng_.normal(noise_streams + static_cast<std::uint64_t>(site), step);
  return usual_s * std::max(0.1, 1.0 + step_noise_ * noise);
}

double Fleet::trained_s(double time_s) const {
  double sum = 0.0;
  for (auto const& life : lives_) sum += life.trained_s(time_s);
  return sum;
}

double Fleet::allocated_s(double time_s) const {
  double sum = 0.0;
  for (auto const& life : lives_) sum += life.allocated_s(time_s);
  return sum;
}

}  // namespace atl::sim
