#include "train/chaos_storm.hpp"

#include <cmath>
#include <cstddef>
#include <numeric>

#include "base/rng.hpp"
#include "comm/site_layout.hpp"

namespace atl::train {

namespace {

enum Stream : std::uint64_t { time, kind, target, duration };

base::Philox draws(deck::RunConfig const& config) { return {config.storm.seed}; }

}  // namespace

ChaosStorm::ChaosStorm(deck::RunConfig const& config) : config_(config), at_s_(wait_s()) {}

double ChaosStorm::wait_s() const {
  return -std::log(1.0 - draws(config_).uniform(time, number_)) * 3600.0 / config_.storm.faults_per_hour;
}

deck::ChaosEntry ChaosStorm::take() {
  auto const& storm = config_.storm;
  auto const draw = draws(config_);
  deck::ChaosEntry fault{.kind = storm.kinds[draw.below(storm.kinds.size(), kind, number_)],
                         .for_s = std::lerp(storm.for_s[0], storm.for_s[1], draw.uniform(duration, number_))};
  auto const sizes = comm::SiteLayout::deck_sizes(config_);
  int const ranks = std::accumulate(sizes.begin(), sizes.end(), 0);
  bool const is_of_sites = fault.kind == deck::ChaosKind::slow || fault.kind == deck::ChaosKind::corrupt;
  int const shards = config_.syncer.replicas > 0 && !is_of_sites ? config_.syncer.ranks - 1 : 0;
  auto hit = static_cast<int>(draw.below(static_cast<std::uint64_t>(ranks + shards), target, number_));
  if (hit >= ranks) {
    fault.shard = 1 + hit - ranks;
  } else {
    for (fault.site = 0; hit >= sizes[static_cast<std::size_t>(fault.site)]; ++fault.site)
      hit -= sizes[static_cast<std::size_t>(fault.site)];
    fault.rank = hit;
  }
  ++number_;
  at_s_ += wait_s();
  return fault;
}

}  // namespace atl::train
