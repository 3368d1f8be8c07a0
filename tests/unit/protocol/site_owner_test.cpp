// Whom a site obeys when owners change, and how it heals.
#include "support/catch.hpp"
#include "trained_site.hpp"

using namespace atl::protocol;
using namespace atl::test;

namespace {

// Two shards, one fragment each.
SiteMachine::Options two_seats() { return {.site = 1, .fragments = 2, .shards = 2}; }

Seat taken(std::uint64_t term, std::uint32_t owner, std::uint64_t from = 0) {
  return {.seat = 0, .term = term, .from = from, .owner = owner};
}
HeldRelease release_in(std::uint64_t term, std::uint64_t commits) {
  auto held = release(first_round_of(term) + 1, commits);
  held.release.version.term = term;
  return held;
}
Pull pull_in(std::uint64_t term, std::uint64_t round) { return pull(first_round_of(term) + round); }

std::vector<Promise> promises(TrainedSite::Actions const& actions) {
  std::vector<Promise> told;
  for (auto const& each : only<TellShards>(actions)) told.push_back(std::get<Promise>(each.message));
  return told;
}

}  // namespace

TEST_CASE("contributions go to the owner of the seat") {
  auto site = started_site(two_seats());
  auto actions = site.train({pull(1), pull(1, {}, 1)});
  CHECK(only<Contribute>(actions).at(0).owner == 0);
  CHECK(only<Contribute>(actions).at(1).owner == 1);

  site.train({taken(1, 1)});
  CHECK(only<Contribute>(site.train({pull_in(1, 1)})).at(0).owner == 1);
}

TEST_CASE("what a new owner does not name is dropped, and goes into the next contribution") {
  auto site = started_site(two_seats());
  site.train({pull(1)});
  CHECK(site.ledger(0).pending == work(1));
  site.train({taken(1, 1)});
  CHECK(site.ledger(0).pending.is_none());
  CHECK(only<Contribute>(site.train({pull_in(1, 1)})).at(0).contribution.work == work(3));
}

TEST_CASE("what a new owner names as merged is merged, once") {
  auto site = started_site(two_seats());
  site.train({pull(1)});
  site.train({notice(merged(1)), taken(1, 1)});
  CHECK(site.ledger(0).merged == work(1));
  // Its base is older than the version that holds the work, so nothing is contributed from it.
  CHECK(contributed(site.train({pull_in(1, 1)})).empty());
  site.train({release_in(1, 1)});
  CHECK(contributed(site.train({pull_in(1, 2)})).size() == 1);
}

TEST_CASE("a base that the new owner goes on from is not sent again") {
  auto site = started_site(two_seats());
  site.train({release(1, 1)});
  site.train({taken(1, 1)});
  CHECK(site.base(0) == Version{1, 1});
  CHECK(only<Adopt>(site.train({release_in(1, 1)})).empty());
}

TEST_CASE("a base of a term that was passed over is taken for nothing but old") {
  auto site = started_site(two_seats());
  site.train({release(1, 5)});
  site.train({taken(2, 1, 1)});
  CHECK(site.base(0) == Version{0, 5});
  CHECK(only<Adopt>(site.train({release_in(2, 3)})).size() == 1);
}

TEST_CASE("a former owner is obeyed no more, and hears why") {
  auto site = started_site(two_seats());
  site.train({taken(1, 1)});
  auto const actions = site.train({pull(5), release(9, 9)});
  CHECK(contributed(actions).empty());
  CHECK(only<Adopt>(actions).empty());
  CHECK(only<Discard>(actions).size() == 1);
  auto const told = promises(site.train());
  REQUIRE(told.size() == 1);
  CHECK(told[0] == Promise{.incarnation = 1, .seat = 0, .term = 1, .shard = 1, .claims = true});
}

TEST_CASE("a release that overtakes the news of its owner waits for it") {
  auto site = started_site(two_seats());
  CHECK(only<Adopt>(site.train({release_in(1, 1)})).empty());
  CHECK(only<Adopt>(site.train()).empty());
  CHECK(only<Adopt>(site.train({taken(1, 1)})).size() == 1);
}

TEST_CASE("a term is promised to one shard only, and none that missed the last owner gets it") {
  auto site = started_site(two_seats());
  auto told = promises(site.train({PromiseRequest{.seat = 0, .term = 1, .shard = 1}}));
  CHECK(told.at(0) == Promise{.incarnation = 1, .seat = 0, .term = 1, .shard = 1});
  told = promises(site.train({PromiseRequest{.seat = 0, .term = 1, .shard = 0}}));
  CHECK(told.at(0).shard == 1);

  auto claim = taken(1, 1);
  claim.claims = true;
  CHECK(promises(site.train({claim})).at(0).claims);
  CHECK(site.base(0) == Version{0, 0});  // it does not own the seat yet
  told = promises(site.train({PromiseRequest{.seat = 0, .term = 2, .from = 0, .shard = 0}}));
  CHECK(told.at(0).term == 1);
  told = promises(site.train({PromiseRequest{.seat = 0, .term = 2, .from = 1, .shard = 0}}));
  CHECK(told.at(0) == Promise{.incarnation = 1, .seat = 0, .term = 2, .shard = 0});
}

TEST_CASE("after a promise the former owner is not obeyed, though there is no other yet") {
  auto site = started_site(two_seats());
  site.train({PromiseRequest{.seat = 0, .term = 1, .shard = 1}});
  CHECK(contributed(site.train({pull(1)})).empty());
  CHECK(only<Adopt>(site.train({release(1, 1)})).empty());
}

TEST_CASE("a site that heals takes a donor's state, and every fragment, before it trains") {
  auto options = two_seats();
  options.incarnation = 2;
  options.heals = true;
  TrainedSite site(options);
  CHECK(progress_of(site.stand({release(0, 7), release(0, 7, {}, 1)})).heals);
  CHECK_FALSE(site.is_ready());

  auto actions = site.stand({Welcome{.shard = 0, .donors = {3, 0}, .step = 40}});
  auto const asked = only<SendToSite>(actions);
  REQUIRE(asked.size() == 1);
  CHECK(asked[0].site == 3);
  CHECK(std::get<StateRequest>(asked[0].message) == StateRequest{.site = 1, .incarnation = 2});

  // Of another life's request: not ours.
  CHECK(only<TakeState>(site.stand({HeldState{{.incarnation = 1, .step = 90}, 5}})).empty());
  actions = site.stand({HeldState{{.incarnation = 2, .step = 38}, 6}});
  CHECK(only<TakeState>(actions).at(0).payload == 6);
  CHECK(site.is_ready());
  CHECK(site.step() == 40);  // no step of its data twice
  CHECK_FALSE(progress_of(actions).heals);
  CHECK(only<Discard>(site.stand({HeldState{{.incarnation = 2, .step = 38}, 7}})).size() == 1);
}

TEST_CASE("only where the owner of every seat knows of no donor the moments begin anew") {
  auto options = two_seats();
  options.heals = true;
  TrainedSite site(options);
  site.stand({release(0, 7), release(0, 7, {}, 1), Welcome{.shard = 0, .seats = {{.seat = 0}}}});
  CHECK_FALSE(site.is_ready());
  site.stand({Welcome{.shard = 1, .seats = {{.seat = 1, .owner = 1}}}});
  CHECK(site.is_ready());
}

TEST_CASE("a donor gives its state at one boundary, and none while it heals itself") {
  auto site = started_site(two_seats());
  site.train();
  auto const given = only<GiveState>(site.train({StateRequest{.site = 0, .incarnation = 3}}));
  REQUIRE(given.size() == 1);
  CHECK(given[0].site == 0);
  CHECK(given[0].state == StateData{.incarnation = 3, .step = 2});

  auto options = two_seats();
  options.heals = true;
  TrainedSite healing(options);
  CHECK(only<GiveState>(healing.stand({StateRequest{.site = 0, .incarnation = 3}})).empty());
}

TEST_CASE("a pull that stands is not answered once a newer term is promised") {
  auto site = started_site(two_seats());
  site.stand({pull(1)});  // nothing trained yet: it stands
  auto const actions =
      site.train({PromiseRequest{.seat = 0, .term = 1, .from = 0, .shard = 1}, pull(1, {}, 1)});
  CHECK(contributed(actions) == std::vector<std::uint32_t>{1});
}
