#include "random_worlds.hpp"

#include <algorithm>

namespace atl::test {

WorldOptions random_options(std::uint64_t seed, deck::Receive receive) {
  Draws draw(seed);
  WorldOptions options;
  options.seed = seed;
  options.sites = draw.whole(1, 4);
  options.shards = draw.whole(1, 3);
  options.steps = static_cast<std::uint64_t>(draw.whole(20, 60));
  options.checkpoint_every = draw.chance(0.5) ? static_cast<std::uint64_t>(draw.whole(7, 25)) : 0;
  options.step_s.clear();
  for (int m = 0; m < options.sites; ++m) options.step_s.push_back(draw.real(0.3, 1.5));

  options.outer.receive = receive;
  options.outer.fragments = draw.whole(1, 5);
  options.outer.interval_steps = static_cast<std::uint64_t>(draw.whole(2, 16));
  options.outer.quorum = draw.whole(1, options.sites);
  options.outer.in_flight = draw.whole(1, 3);
  options.outer.max_staleness = static_cast<std::uint64_t>(draw.whole(0, 5));
  options.outer.dead_after_s = 10.0;
  options.outer.grace = draw.chance(0.7) ? deck::GraceKind::adaptive : deck::GraceKind::none;

  options.control_delay_s = draw.real(0.0, 0.5);
  options.bulk_delay_s = draw.chance(0.5) ? draw.real(0.0, 1.0) : draw.real(0.0, 12.0);
  options.jitter = draw.real(0.0, 3.0);
  options.corrupted_share = draw.chance(0.3) ? 0.1 : 0.0;
  options.duplicated_share = draw.chance(0.3) ? 0.2 : 0.0;
  options.replaces_releases = draw.chance(0.5);
  for (int stalls = draw.whole(0, 3); stalls > 0; --stalls) {
    double const from_s = draw.real(0.0, 40.0);
    options.stalls.push_back({draw.whole(0, options.sites - 1), from_s, from_s + draw.real(1.0, 25.0)});
  }
  return options;
}

WorldOptions carrying_options(std::uint64_t seed) {
  auto options = random_options(seed, seed % 2 == 0 ? deck::Receive::overwrite : deck::Receive::blend);
  options.outer.late = deck::Late::carry;
  options.stops_each = seed % 3 == 0;
  return options;
}

WorldOptions synchronous_options(std::uint64_t seed) {
  Draws draw(seed + 100);
  auto options = random_options(seed, deck::Receive::blend);
  options.synchronous = true;
  options.outer.quorum = options.sites;
  options.outer.interval_steps =
      std::max(options.outer.interval_steps, static_cast<std::uint64_t>(options.outer.fragments));
  auto const longest = static_cast<int>(options.outer.interval_steps) - 1;
  options.outer.overlap_steps = static_cast<std::uint64_t>(draw.chance(0.3) ? 0 : draw.whole(0, longest));
  if (options.outer.fragments == 1) options.outer.receive = deck::Receive::overwrite;
  options.corrupted_share = 0.0;
  return options;
}

}  // namespace atl::test
