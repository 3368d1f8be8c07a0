// Where every step of a site goes, in every order in which pulls, releases and fates can reach it
// (PROTOCOL.md §1, §8).
#include "support/catch.hpp"
#include "trained_site.hpp"

using namespace atl;
using namespace atl::protocol;
using namespace atl::test;
using deck::Receive;

namespace {

// Has trained 3 steps, contributed them to round 1, and trained 2 more.
TrainedSite contributor(Receive receive) {
  auto site = started_site({.fragments = 1, .receive = receive, .in_flight = 9});
  site.train_for(2);
  site.train({pull(1)});
  site.train_for(2);
  return site;
}

struct Expected {
  std::uint64_t merged = 0, pending = 0, unsent = 0, overwritten = 0, dropped = 0, rejected = 0;
};

void check(TrainedSite const& site, Expected const& steps) {
  auto const& row = site.ledger(0);
  CHECK(row.is_balanced());
  CHECK(row.merged == work(steps.merged));
  CHECK(row.pending == work(steps.pending));
  CHECK(row.unsent == work(steps.unsent));
  CHECK(row.overwritten == work(steps.overwritten));
  CHECK(row.dropped == work(steps.dropped));
  CHECK(row.rejected == work(steps.rejected));
}

AdoptRule rule_of(TrainedSite::Actions const& actions) {
  auto const adopted = only<Adopt>(actions);
  REQUIRE(adopted.size() == 1);
  return adopted.front().rule;
}

bool contributes(TrainedSite& site, std::uint64_t round) {
  return !only<Contribute>(site.stand({pull(round)})).empty();
}

}  // namespace

TEST_CASE("a contribution is pending until its fate is known") {
  auto const site = contributor(Receive::overwrite);
  check(site, {.pending = 3, .unsent = 2});
}

TEST_CASE("overwrite: a merged contribution is booked merged, what was trained since is overwritten") {
  auto site = contributor(Receive::overwrite);
  CHECK(rule_of(site.stand({release(1, 1, merged(1))})) == AdoptRule::overwrite);
  check(site, {.merged = 3, .overwritten = 2});
}

TEST_CASE("rebase: a merged contribution is booked merged, what was trained since is kept") {
  auto site = contributor(Receive::rebase);
  CHECK(rule_of(site.stand({release(1, 1, merged(1))})) == AdoptRule::rebase_on_snapshot);
  check(site, {.merged = 3, .unsent = 2});
}

TEST_CASE("overwrite: a contribution that was not merged is lost with the release that says so") {
  auto site = contributor(Receive::overwrite);
  SECTION("absent") {
    CHECK(rule_of(site.stand({release(1, 1, absent(1))})) == AdoptRule::overwrite);
    check(site, {.overwritten = 2, .dropped = 3});
  }
  SECTION("rejected") {
    site.stand({release(1, 1, rejected(1))});
    check(site, {.overwritten = 2, .rejected = 3});
  }
  SECTION("the fate comes beside the release") {
    site.stand({release(1, 1), notice(rejected(1))});
    check(site, {.overwritten = 2, .rejected = 3});
  }
  SECTION("a release of a later round says nothing of it") {
    site.stand({release(2, 2)});
    check(site, {.overwritten = 2, .dropped = 3});
  }
}

TEST_CASE("rebase: a contribution that was not merged is kept") {
  auto site = contributor(Receive::rebase);
  auto const fate = GENERATE(absent(1), dropped(1), rejected(1), Fate{});
  CHECK(rule_of(site.stand({release(1, 1, fate)})) == AdoptRule::rebase_on_base);
  check(site, {.unsent = 5});
  CHECK(only<Contribute>(site.stand({pull(2)})).at(0).contribution.work == work(5));
}

TEST_CASE("without a newer release, a contribution that was not merged is trained work as before") {
  auto site = contributor(GENERATE(Receive::overwrite, Receive::rebase));
  auto const fate = GENERATE(absent(1), dropped(1), rejected(1));
  site.stand({notice(fate)});
  check(site, {.unsent = 5});
  auto const again = only<Contribute>(site.stand({pull(2)}));
  REQUIRE(again.size() == 1);
  CHECK(again[0].contribution.work == work(5));
  CHECK(again[0].contribution.base == Version{0, 0});
}

TEST_CASE("with no contribution under way") {
  auto site = started_site({.fragments = 1, .receive = GENERATE(Receive::overwrite, Receive::rebase)});
  site.train_for(4);
  if (rule_of(site.stand({release(1, 1)})) == AdoptRule::overwrite) {
    check(site, {.overwritten = 4});
  } else {
    check(site, {.unsent = 4});
  }
}

TEST_CASE(
    "a merged contribution whose release is not here yet: merged at once, but nothing more is contributed") {
  auto site = contributor(GENERATE(Receive::overwrite, Receive::rebase));
  CHECK(only<Contribute>(site.stand({pull(2, merged(1))})).empty());
  check(site, {.merged = 3, .unsent = 2});
  site.train();
  check(site, {.merged = 3, .unsent = 3});

  auto const rule = rule_of(site.stand({release(1, 1)}));
  if (rule == AdoptRule::overwrite) {
    check(site, {.merged = 3, .overwritten = 3});
    site.train();
  } else {
    CHECK(rule == AdoptRule::rebase_on_snapshot);
    check(site, {.merged = 3, .pending = 3});  // the pull stood
  }
  CHECK(site.ledger(0).pending.steps > 0);
}

TEST_CASE("a release of an earlier round, while the fate is open: overwrite") {
  // Version 1 was on its way when round 2 pulled from base 0.
  auto site = started_site({.fragments = 1, .receive = Receive::overwrite});
  site.train_for(2);
  site.train({pull(2)});
  site.train_for(2);
  CHECK(rule_of(site.train({release(1, 1)})) == AdoptRule::overwrite);
  check(site, {.pending = 3, .overwritten = 3});
  site.train();

  SECTION("then merged: theta holds none of it, so contributing may go on") {
    site.stand({notice(merged(2))});
    check(site, {.merged = 3, .unsent = 1, .overwritten = 3});
    CHECK(contributes(site, 3));
    check(site, {.merged = 3, .pending = 1, .overwritten = 3});
  }
  SECTION("then dropped: it is in theta no more") {
    site.stand({notice(dropped(2))});
    check(site, {.unsent = 1, .overwritten = 3, .dropped = 3});
  }
  SECTION("then rejected") {
    site.stand({notice(rejected(2))});
    check(site, {.unsent = 1, .overwritten = 3, .rejected = 3});
  }
  SECTION("then its own release") {
    site.stand({release(2, 2, merged(2))});
    check(site, {.merged = 3, .overwritten = 4});
  }
  SECTION("then the release of its round without it") {
    site.stand({release(2, 2, absent(2))});
    check(site, {.overwritten = 4, .dropped = 3});
  }
}

TEST_CASE("a release of an earlier round, while the fate is open: rebase") {
  auto site = started_site({.fragments = 1, .receive = Receive::rebase});
  site.train_for(2);
  site.train({pull(2)});
  site.train_for(2);
  CHECK(rule_of(site.train({release(1, 1)})) == AdoptRule::rebase_on_base);
  check(site, {.pending = 3, .unsent = 3});

  SECTION("then merged with its release") {
    CHECK(rule_of(site.stand({release(2, 2, merged(2))})) == AdoptRule::rebase_on_snapshot);
    check(site, {.merged = 3, .unsent = 3});
  }
  SECTION("then merged, its release later") {
    site.stand({notice(merged(2))});
    check(site, {.merged = 3, .unsent = 3});
    CHECK_FALSE(contributes(site, 3));
    CHECK(rule_of(site.stand({release(2, 2, merged(2))})) == AdoptRule::rebase_on_snapshot);
    check(site, {.merged = 3, .pending = 3});
  }
  SECTION("then not merged") {
    CHECK(rule_of(site.stand({release(2, 2, absent(2))})) == AdoptRule::rebase_on_base);
    check(site, {.unsent = 6});
  }
}

TEST_CASE("a release of an earlier round, after the contribution was called merged") {
  auto site = started_site({.fragments = 1, .receive = GENERATE(Receive::overwrite, Receive::rebase)});
  site.train_for(2);
  site.train({pull(2)});
  site.train({notice(merged(2))});
  auto const rule = rule_of(site.stand({release(1, 1)}));
  if (rule == AdoptRule::overwrite) {
    check(site, {.merged = 3, .overwritten = 1});
    site.train();
  } else {
    CHECK(rule ==
          AdoptRule::rebase_on_snapshot);  // theta gives the contribution back; its release brings it again
    check(site, {.merged = 3, .unsent = 1});
  }
  CHECK(contributes(site, 3));
}

TEST_CASE("the first word on a contribution stands: later and other rounds' fates are ignored") {
  auto site = contributor(Receive::rebase);
  site.stand({notice(dropped(7)), notice(absent(0)), notice({1, Outcome::none, {}}),
              notice({1, Outcome::carried, {}})});
  check(site, {.pending = 3, .unsent = 2});
  site.stand({notice(merged(1)), notice(dropped(1))});
  check(site, {.merged = 3, .unsent = 2});
  site.stand({notice(rejected(1)), notice(merged(1))});
  check(site, {.merged = 3, .unsent = 2});
  site.stand({release(1, 1, absent(1))});
  check(site, {.merged = 3, .unsent = 2});
}

TEST_CASE("an explicit fate outweighs what a release of a later round implies") {
  auto site = contributor(Receive::rebase);
  CHECK(rule_of(site.stand({release(3, 3), notice(merged(1))})) == AdoptRule::rebase_on_snapshot);
  check(site, {.merged = 3, .unsent = 2});
}

TEST_CASE("the fate in a release that is moot counts") {
  auto site = contributor(Receive::overwrite);
  site.stand({release(2, 2), release(1, 1, merged(1))});
  check(site, {.merged = 3, .overwritten = 2});
  CHECK(site.base(0) == Version{0, 2});
}

TEST_CASE("a contribution is carried while the end of an older carried one is still on its way here") {
  auto site = started_site(
      {.fragments = 1, .receive = Receive::overwrite, .late = deck::Late::carry, .in_flight = 9});
  site.train_for(2);
  site.train({pull(1)});
  site.stand({release(1, 1, {1, Outcome::carried, {}})});
  site.train_for(2);
  REQUIRE(contributes(site, 2));
  site.stand({release(2, 2, {2, Outcome::carried, {}})});
  check(site, {.pending = 5});
  site.stand({notice(dropped(1))});
  check(site, {.pending = 2, .dropped = 3});
  site.stand({notice(merged(2))});
  check(site, {.merged = 2, .dropped = 3});
}
