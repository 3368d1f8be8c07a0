// Many sites in one virtual time.
#include "sim/fleet/fleet.hpp"

#include <vector>

#include "support/catch.hpp"

using namespace atl;
using sim::Fleet;

TEST_CASE("changes come in the order of time, each site's own") {
  Fleet fleet({}, {}, {.chips = 2'400'256, .sites = 1024});
  double last_s = 0.0;
  std::vector<double> changed_s(1024, 0.0);
  for (int i = 0; i < 20'000; ++i) {
    REQUIRE(fleet.next_s() >= last_s);
    auto const change = fleet.next();
    REQUIRE(change.time_s >= last_s);
    last_s = change.time_s;
    auto& before_s = changed_s[static_cast<std::size_t>(change.site)];
    REQUIRE(change.time_s >= before_s);
    REQUIRE(change.state.since_s == change.time_s);
    REQUIRE(fleet.state(change.site).kind == change.state.kind);
    before_s = change.time_s;
  }
}

TEST_CASE("a fleet fails as often as its chips do") {
  // Nothing else happens: 0.1 s of pause and return at once.
  sim::FleetSection const rules{.slices = 1, .shrink_s = 0.0, .regrow_s = 0.1, .return_s = 0.0};
  Fleet fleet(rules, {}, {.chips = 31'536'000.0, .sites = 4, .is_elastic = false});  // one failure a second
  int failures = 0;
  while (fleet.next_s() < 10'000.0) failures += fleet.next().state.kind == sim::SiteState::Kind::away;
  CHECK_THAT(failures, WithinAbs(10'000 * fleet.trained_s(10'000.0) / 40'000.0, 400));
}

TEST_CASE("what happens to a site does not depend on the others") {
  sim::FleetSection const rules;
  auto const first_changes = [&](int sites) {
    Fleet fleet(rules, {}, {.chips = 300'000.0 * sites, .sites = sites});
    std::vector<double> times;
    while (times.size() < 50)
      if (auto const change = fleet.next(); change.site == 1) times.push_back(change.time_s);
    return times;
  };
  CHECK(first_changes(2) == first_changes(9));
}

TEST_CASE("only the last sites come and go") {
  sim::FleetSection const rules{.present_h = 0.1, .absent_h = 0.1};
  Fleet fleet(rules, {}, {.chips = 4, .sites = 4, .scavenged = 2});
  while (fleet.next_s() < 360'000.0) CHECK(fleet.next().site >= 2);
  CHECK_THAT(fleet.allocated_s(360'000.0), WithinRel(3.0 * 360'000.0, 0.1));
}

TEST_CASE("sites have their own pace, and steps their noise") {
  Fleet const even({.step_s = 2.0, .slowest = 1.5}, {}, {.chips = 3, .sites = 3});
  CHECK(even.step_s(0, 7) == 2.0);
  CHECK(even.step_s(1, 7) == 2.5);
  CHECK(even.step_s(2, 7) == 3.0);

  Fleet const noisy({.step_s = 2.0, .step_noise = 0.1}, {}, {.chips = 2, .sites = 2});
  double sum = 0.0, squares = 0.0;
  int const steps = 20'000;
  for (std::uint64_t step = 0; step < steps; ++step) {
    double const off = noisy.step_s(1, step) / 2.0 - 1.0;
    sum += off;
    squares += off * off;
  }
  CHECK_THAT(sum / steps, WithinAbs(0.0, 0.003));
  CHECK_THAT(std::sqrt(squares / steps), WithinRel(0.1, 0.03));
  CHECK(noisy.step_s(0, 5) != noisy.step_s(1, 5));
  CHECK(noisy.step_s(1, 5) == noisy.step_s(1, 5));
}
