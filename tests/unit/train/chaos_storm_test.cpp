// Faults at random: what is drawn, and that everybody draws the same.
#include "train/chaos_storm.hpp"

#include <set>

#include "support/catch.hpp"

using namespace atl;
using deck::ChaosKind;
using train::ChaosStorm;

namespace {

deck::RunConfig stormy() {
  deck::RunConfig config;
  config.sites.count = 2;
  config.sites.ranks = {2, 1};
  config.syncer.ranks = 3;
  config.storm = {
      .faults_per_hour = 120.0, .seed = 5, .kinds = {ChaosKind::kill, ChaosKind::slow}, .for_s = {0.5, 2.0}};
  return config;
}

std::vector<deck::ChaosEntry> draw(deck::RunConfig const& config, int count) {
  ChaosStorm storm(config);
  std::vector<deck::ChaosEntry> faults;
  for (int i = 0; i < count; ++i) faults.push_back(storm.take());
  return faults;
}

}  // namespace

TEST_CASE("whoever draws a storm draws the same, and another seed another") {
  auto config = stormy();
  auto const faults = draw(config, 20);
  CHECK(faults == draw(config, 20));
  config.storm.seed = 6;
  CHECK(faults != draw(config, 20));
}

TEST_CASE("faults come one after the other, as many an hour as the deck says") {
  auto const config = stormy();
  ChaosStorm storm(config);
  double last_s = 0.0;
  constexpr int count = 4000;
  for (int i = 0; i < count; ++i) {
    CHECK(storm.at_s() > last_s);
    last_s = storm.at_s();
    storm.take();
  }
  CHECK(last_s / count == Approx(30.0).epsilon(0.05));
}

TEST_CASE("every rank of a site is hit, and of shards those that have a backup, but not the first") {
  auto config = stormy();
  std::set<std::pair<int, int>> ranks;
  for (auto const& fault : draw(config, 500)) {
    CHECK(fault.shard == -1);
    CHECK(fault.for_s >= 0.5);
    CHECK(fault.for_s <= 2.0);
    ranks.emplace(fault.site, fault.rank);
  }
  CHECK(ranks == std::set<std::pair<int, int>>{{0, 0}, {0, 1}, {1, 0}});

  config.syncer.replicas = 1;
  std::set<int> shards;
  std::set<ChaosKind> of_shards;
  for (auto const& fault : draw(config, 500)) {
    if (fault.shard < 0) continue;
    CHECK(fault.site == -1);
    shards.insert(fault.shard);
    of_shards.insert(fault.kind);
  }
  CHECK(shards == std::set<int>{1, 2});
  CHECK(of_shards == std::set<ChaosKind>{ChaosKind::kill});
}
