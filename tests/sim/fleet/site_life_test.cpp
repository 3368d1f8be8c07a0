// One site under failures, against what can be worked out by hand.
#include "sim/fleet/site_life.hpp"

#include <cmath>
#include <vector>

#include "support/catch.hpp"

using namespace atl;
using sim::SiteLife;
using sim::SiteRules;
using sim::SiteState;
using Kind = SiteState::Kind;

namespace {

constexpr base::Philox rng{7};

// Useful over allotted time.
double goodput(SiteRules const& rules, double duration_s) {
  SiteLife life(rules, rng, 0);
  while (life.next_s() < duration_s) life.advance();
  return life.trained_s(duration_s) / life.allocated_s(duration_s);
}

// The states of the first `count` changes, the initial one first.
std::vector<SiteState> states(SiteRules const& rules, int count) {
  SiteLife life(rules, rng, 0);
  std::vector<SiteState> seen{life.state()};
  for (int i = 0; i < count; ++i) {
    life.advance();
    seen.push_back(life.state());
  }
  return seen;
}

SiteRules const elastic{.slice_failure_rate = 1e-3,
                        .slices = 4,
                        .has_peers = true,
                        .shrink_s = 5.0,
                        .regrow_s = 7.0,
                        .return_s = 600.0,
                        .heal_s = 11.0};

}  // namespace

TEST_CASE("a site that never fails trains all the time") {
  CHECK(goodput({}, 1e6) == 1.0);
  CHECK(SiteLife({}, rng, 0).next_s() == sim::never);
}

TEST_CASE("without elasticity every failure costs the return and a restart") {
  for (double const rate : {1e-3, 1e-2, 1e-1}) {
    SiteRules const rules{
        .slice_failure_rate = rate / 3, .slices = 3, .is_elastic = false, .regrow_s = 20.0, .return_s = 60.0};
    CHECK_THAT(goodput(rules, 5e5 / rate), WithinRel(1.0 / (1.0 + rate * 80.0), 0.015));
  }
}

TEST_CASE("a restart repeats what was trained since the last checkpoint") {
  double const rate = 1e-2, every = 50.0;
  SiteRules const rules{.slice_failure_rate = rate,
                        .is_elastic = false,
                        .regrow_s = 10.0,
                        .return_s = 30.0,
                        .checkpoint_every_s = every};
  // Whole intervals of an exponential time are saved: their mean number is 1 / (exp(rate every) - 1).
  double const saved = rate * every / (std::exp(rate * every) - 1.0);
  CHECK_THAT(goodput(rules, 1e7), WithinRel(saved / (1.0 + rate * 40.0), 0.01));
}

TEST_CASE("a spare stands in at once, and is paid for") {
  // Lost slices return before another can fail: there is always a spare.
  SiteRules const rules{.slice_failure_rate = 1e-3,
                        .slices = 1,
                        .spares = 1,
                        .is_elastic = false,
                        .regrow_s = 100.0,
                        .return_s = 1.0};
  CHECK_THAT(goodput(rules, 2e8), WithinRel(0.5 / (1.0 + 0.1), 0.01));
}

TEST_CASE("what a site lost comes back in one batch, a while after the first loss") {
  double first_loss_s = sim::never;
  SiteState before{};
  int batches = 0;
  for (auto const& now : states(elastic, 4000)) {
    if (now.kind == Kind::training) {
      bool const is_whole = now.share == 1.0;
      if (!is_whole) CHECK(now.since_s < first_loss_s + elastic.return_s + elastic.regrow_s);
      if (is_whole && first_loss_s != sim::never) {
        double const takes_s = now.since_s - first_loss_s - elastic.return_s;
        CHECK(takes_s >= 0.0);
        CHECK(takes_s <= elastic.regrow_s + elastic.heal_s);
        first_loss_s = sim::never;
        ++batches;
      }
    } else if (before.kind == Kind::training && first_loss_s == sim::never) {
      first_loss_s = now.since_s;
    }
    before = now;
  }
  CHECK(batches > 100);
}

TEST_CASE("a site goes on without a slice after a pause, and with none left it heals before it trains") {
  bool has_shrunk = false, has_healed = false;
  auto const seen = states(elastic, 4000);
  for (std::size_t i = 2; i < seen.size(); ++i) {
    auto const &before = seen[i - 2], &between = seen[i - 1], &now = seen[i];
    if (before.kind == Kind::training && between.kind == Kind::paused && now.share < before.share) {
      CHECK_THAT(now.since_s - between.since_s, WithinAbs(elastic.shrink_s, 1e-6));
      CHECK_THAT(before.share - now.share, WithinAbs(0.25, 1e-12));
      has_shrunk = true;
    }
    if (between.kind == Kind::away) {
      CHECK_THAT(before.share, WithinAbs(0.25, 1e-12));
      CHECK(now.kind == Kind::healing);
      has_healed = true;
    }
    if (between.kind == Kind::healing)
      CHECK_THAT(now.since_s - between.since_s, WithinAbs(elastic.heal_s + elastic.regrow_s, 1e-6));
  }
  CHECK(has_shrunk);
  CHECK(has_healed);
}

TEST_CASE("a site that is lent is allotted only while it is there, and heals whenever it returns") {
  SiteRules const rules{
      .has_peers = true, .heal_s = 100.0, .mean_present_s = 3000.0, .mean_absent_s = 1000.0};
  SiteLife life(rules, rng, 0);
  double const duration_s = 4e7;
  while (life.next_s() < duration_s) {
    auto const before = life.state().kind;
    life.advance();
    if (before == Kind::away) CHECK(life.state().kind == Kind::healing);
  }
  CHECK_THAT(life.allocated_s(duration_s) / duration_s, WithinRel(0.75, 0.02));
  // Of a stay that is exponentially long, healing takes 1 - exp(-100 / 3000), but for the first stay.
  CHECK_THAT(life.trained_s(duration_s) / life.allocated_s(duration_s),
             WithinRel(std::exp(-1.0 / 30.0), 0.002));
}
