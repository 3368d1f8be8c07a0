// Decoupled fleets: the machines of real runs among chips that fail and links that are slow.
#include "sim/fleet/decoupled.hpp"

#include "support/catch.hpp"

using namespace atl::sim;

namespace {

DecoupledConfig calm() {
  DecoupledConfig config;
  config.fleet.chip_mtbi_years = 1e6;
  config.decoupled.site_chips = 8;
  config.decoupled.steps = 200;
  config.decoupled.interval_steps = config.decoupled.fragments = 6;
  config.decoupled.parameters = 1e6;
  return config;
}

DecoupledRow run(DecoupledConfig const& config, int sites = 8) {
  return simulate_decoupled(config, sites, [](double) {});
}

}  // namespace

TEST_CASE("alike sites on good links are in every commit, a fragment a step, and hardly ever wait") {
  auto const row = run(calm());
  CHECK(row.commits >= 190);
  CHECK(row.commits <= 200);
  CHECK(row.participation == Approx(1.0).margin(0.01));
  CHECK(row.staleness < 0.01);
  CHECK(row.exposed_wait < 0.01);
  CHECK(row.goodput > 0.99);
  CHECK(row.merged > 0.95);
  CHECK(row.uptime == 1.0);
}

TEST_CASE("links carry each parameter once an interval in either direction") {
  auto config = calm();
  config.decoupled.steps = 1000;
  config.decoupled.bits = 4;
  config.decoupled.release_bits = 16;
  double const gbit_s = 1e6 * (4 + 16) / 6 / 1e9;
  CHECK(run(config).site_gbit_s == Approx(gbit_s).epsilon(0.03));
}

TEST_CASE("a link that is too slow costs no training, but makes contributions stale") {
  auto config = calm();
  config.decoupled.grace_floor_steps = 0.0;
  config.decoupled.syncer_gbit_s = 0.0;
  config.decoupled.parameters = 1e9;
  config.link.bandwidth_gbit_s = 100.0;
  auto const fast = run(config);
  config.link.bandwidth_gbit_s = 1.0;
  auto const slow = run(config);
  CHECK(slow.exposed_wait < 0.1);  // at the start it must have the whole model
  CHECK(slow.commits < fast.commits);
  CHECK(slow.site_gbit_s < 2.0);
}

TEST_CASE("sites that are far apart in speed merge less than all, and nobody waits") {
  auto config = calm();
  config.fleet.slowest = 4.0;
  config.decoupled.grace_cap_s = 0.5;
  auto const row = run(config);
  CHECK(row.participation < 0.9);
  CHECK(row.participation > 0.2);
  CHECK(row.exposed_wait < 0.01);
}

TEST_CASE("failures cost goodput, not uptime; who lost everything heals and is in commits again") {
  auto config = calm();
  config.fleet.slices = 1;  // every failure takes a whole site
  config.fleet.chip_mtbi_years = 3e-5;
  config.decoupled.steps = 2000;
  auto const row = run(config);
  CHECK(row.goodput < 0.8);
  CHECK(row.goodput > 0.3);
  CHECK(row.uptime > 0.99);
  CHECK(row.participation > 0.5);
  CHECK(row.commits > 1500);
}

TEST_CASE("a seed decides everything") {
  auto config = calm();
  config.fleet.step_noise = 0.1;
  config.fleet.scavenged = 4;
  config.fleet.present_h = config.fleet.absent_h = 0.02;
  auto const one = run(config);
  CHECK(one == run(config));
  config.fleet.seed = 2;
  CHECK_FALSE(one == run(config));
}
