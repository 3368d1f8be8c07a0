// late = "carry": what comes after the close of its round joins the next (PROTOCOL.md §2), and its site books
// it when its end is known (§8).
#include "support/catch.hpp"
#include "support/memory_archive.hpp"
#include "told_shard.hpp"
#include "trained_site.hpp"

using namespace atl;
using namespace atl::protocol;
using namespace atl::test;

namespace {

ToldShard::Options carrying(int sites) {
  auto options = shard_options(sites, 1);
  options.outer.late = deck::Late::carry;
  options.outer.late_discount = 0.5;
  options.outer.max_staleness = 2;
  return options;
}

// Round 1 is closed with site 0 alone; both sites were asked.
ToldShard closed_round(ToldShard::Options const& options) {
  auto shard = open_round(options);
  shard.gives(0, 1, 10);
  return shard;
}

// Opens the next round with site 0 and closes it at once.
ToldShard::Actions next_round(ToldShard& shard, std::uint64_t round) {
  shard.says(0, {.step = 10 * round, .unsent = 10, .base = round - 1, .round = round - 1});
  return shard.gives(0, round, 10, round - 1);
}

Fate carried(std::uint64_t round) { return {round, Outcome::carried, {}}; }

// Has trained 3 steps, contributed them to round 1, and trained 2 more.
TrainedSite contributor() {
  auto site = started_site({.fragments = 1, .late = deck::Late::carry});
  site.train_for(2);
  site.train({pull(1)});
  site.train_for(2);
  return site;
}

std::vector<bool> settled(TrainedSite::Actions const& actions) {
  std::vector<bool> advanced;
  for (auto const& action : only<Settled>(actions)) advanced.push_back(action.advanced);
  return advanced;
}

}  // namespace

// ---- the shard ----

TEST_CASE("a late contribution is carried, told so, and joins the next commit at half its weight") {
  auto shard = closed_round(carrying(2));
  auto const actions = shard.gives(1, 1, 9);
  CHECK(only<DiscardPayload>(actions).empty());
  CHECK(sent<FateNotice>(actions, 1).at(0).fate == carried(1));
  CHECK(commits(actions).empty());
  CHECK(shard.rejections().empty());
  CHECK(shard.held_members().size() == 1);

  auto const later = next_round(shard, 2);
  auto const commit = commits(later).at(0);
  CHECK(sites_of(commit) == std::vector{0, 1});
  CHECK(commit.members[0].rounds_late == 0);
  CHECK(commit.members[1].rounds_late == 1);
  CHECK(commit.members[1].payload == 201);
  CHECK(commit.members[1].weight == 0.5 * 900.0 * 100.0);
  CHECK(commit.members[1].staleness == 1);
  CHECK(sent<FateNotice>(later, 1).at(0).fate == merged(1));
  CHECK(shard.held_members().empty());
  CHECK(sites_of(commits(next_round(shard, 3)).at(0)) == std::vector{0});
}

TEST_CASE("a carried contribution stands beside a fresh one of its site") {
  auto shard = closed_round(carrying(2));
  shard.gives(1, 1, 9);
  shard.says(1, {.step = 12, .unsent = 2, .base = 1, .round = 1});
  shard.says(0, {.step = 20, .unsent = 10, .base = 1, .round = 1});
  auto const commit = commits(shard.gives(1, 2, 2, 1)).at(0);
  CHECK(sites_of(commit) == std::vector{1, 1});
  CHECK(commit.members[0].rounds_late == 1);
  CHECK(commit.members[1].contribution.work.steps == 2);
}

TEST_CASE("a carried contribution does not count for the quorum") {
  auto options = carrying(3);
  options.outer.quorum = 2;
  auto shard = open_round(options);
  shard.gives(0, 1, 10);
  shard.gives(1, 1, 10);
  shard.gives(2, 1, 10);  // carried
  for (int site : {0, 1}) shard.says(site, {.step = 20, .unsent = 10, .base = 1, .round = 1});
  CHECK(commits(shard.gives(0, 2, 10, 1)).empty());
  CHECK(sites_of(commits(shard.gives(1, 2, 10, 1)).at(0)) == std::vector{0, 1, 2});
}

TEST_CASE("of two late contributions of a site the newer stays, and the older is dropped") {
  auto shard = closed_round(carrying(2));
  shard.says(1, {.step = 10, .unsent = 10, .base = 1, .round = 1});
  next_round(shard, 2);  // site 1 was asked again
  shard.gives(1, 1, 9);
  auto const actions = shard.gives(1, 2, 5, 1);
  CHECK(only<DiscardPayload>(actions).at(0).payload == 201);
  auto const fates = sent<FateNotice>(actions, 1);
  REQUIRE(fates.size() == 2);
  CHECK(fates[0].fate == Fate{1, Outcome::dropped, {}});
  CHECK(fates[1].fate == carried(2));
}

TEST_CASE("what is late is carried only if it passes the gate") {
  auto shard = closed_round(carrying(2));
  CHECK(sent<FateNotice>(shard.gives(1, ToldShard::contribution(1, 9), false), 1).at(0).fate ==
        Fate{1, Outcome::rejected, Reason::not_finite});
}

TEST_CASE("a carried contribution that has grown too old by the next commit is dropped") {
  auto options = carrying(2);
  options.outer.max_staleness = 0;
  auto shard = closed_round(options);
  CHECK(sent<FateNotice>(shard.gives(1, 1, 9), 1).at(0).fate.outcome == Outcome::rejected);

  options.outer.max_staleness = 1;
  options.outer.late_discount = GENERATE(0.5, 0.0);
  auto other = closed_round(options);
  other.gives(1, 1, 9);
  auto const actions = next_round(other, 2);
  bool const counts = options.outer.late_discount > 0.0;
  CHECK(commits(actions).at(0).members.size() == (counts ? 2 : 1));
  CHECK(sent<FateNotice>(actions, 1).at(0).fate.outcome == (counts ? Outcome::merged : Outcome::dropped));
}

TEST_CASE("what its site still holds is dropped, not carried: it comes with the next contribution") {
  // Round 1 is called off without a commit: base 0 is still the newest version.
  auto options = carrying(2);
  options.outer.quorum = 2;
  auto shard = open_round(options);
  shard.on_hold(Purpose::checkpoint, 0.0);
  CHECK(sent<FateNotice>(shard.gives(1, 1, 9), 1).at(0).fate.outcome == Outcome::dropped);
}

TEST_CASE("what nobody asked for is dropped, not carried") {
  auto shard = closed_round(carrying(3));
  auto const later = next_round(shard, 2);
  CHECK(sent<FateNotice>(shard.gives(2, 7, 9), 2).at(0).fate.outcome == Outcome::dropped);
}

TEST_CASE("a site is not asked again for what is carried before it has adopted a newer version") {
  auto shard = closed_round(carrying(2));
  shard.gives(1, 1, 9);
  auto const asked = shard.says(1, {.step = 20, .unsent = 11, .base = 0, .round = 1});
  CHECK(pulled(asked).empty());
  CHECK(pulled(shard.says(1, {.step = 21, .unsent = 1, .base = 1, .round = 1})) == std::vector{1});
}

TEST_CASE("carried contributions are saved at a quiet point, and merged after the stop") {
  auto shard = closed_round(carrying(2));
  shard.gives(1, 1, 9);
  shard.on_hold(Purpose::stop, 0.0);
  for (int site : {0, 1}) shard.says(site, {.step = 10, .unsent = 0, .base = 1, .round = 1, .holding = true});
  REQUIRE(shard.is_quiet());
  SyncerMachine resumed(carrying(2));
  resumed.load(MemoryReader(saved(shard)), 0.0);
  REQUIRE(resumed.held_members().size() == 1);
  for (int site : {0, 1}) CHECK(only<DiscardPayload>(resumed.on_admitted(site, 2, 0.0)).empty());

  Progress const progress{
      .incarnation = 2, .step = 20, .fragments = {{.base = {0, 1}, .unsent = {10, 1000}, .round = 1}}};
  CHECK(sent<Pull>(resumed.on_progress(0, progress, 0.0), 0).size() == 1);
  auto fresh = ToldShard::contribution(2, 10, 1);
  fresh.incarnation = 2;
  auto const actions = resumed.on_contribution(0, fresh, {.payload = 9}, 0.0);
  auto const commit = commits(actions).at(0);
  CHECK(sites_of(commit) == std::vector{0, 1});
  CHECK(commit.members[1].payload == 1);
  CHECK(sent<FateNotice>(actions, 1).at(0).fate == merged(1));
}

TEST_CASE("a new life of a site throws out what its earlier life had carried") {
  auto shard = closed_round(carrying(2));
  shard.gives(1, 1, 9);
  CHECK(only<DiscardPayload>(shard.on_admitted(1, 2, 1.0)).at(0).payload == 201);
  CHECK(shard.rejections().at(Reason::old_incarnation) == 1);
}

TEST_CASE("finish: the last round takes what is carried, and without one it is dropped") {
  auto shard = closed_round(carrying(2));
  shard.gives(1, 1, 9);
  shard.on_hold(Purpose::finish, 0.0);
  auto const left = GENERATE(std::uint64_t{0}, std::uint64_t{3});
  auto const stands = [&](int site) {
    return shard.says(site, {.step = 13, .unsent = left, .base = 1, .round = 1, .holding = true});
  };
  stands(0);
  auto actions = stands(1);
  if (left > 0) {
    shard.gives(0, 2, 3, 1);
    actions = shard.gives(1, 2, 3, 1);
    CHECK(sites_of(commits(actions).at(0)) == std::vector{0, 1, 1});
  }
  CHECK(sent<FateNotice>(actions, 1).back().fate.outcome == (left > 0 ? Outcome::merged : Outcome::dropped));
  CHECK(shard.held_members().empty());
  CHECK(sent<FateNotice>(shard.gives(1, 3, 1, 0), 1).back().fate.outcome == Outcome::dropped);
}

// ---- its site ----

TEST_CASE("a site that was absent waits for the word on what it has sent") {
  auto site = contributor();
  CHECK(settled(site.stand({release(1, 1, absent(1))})).empty());
  CHECK(site.ledger(0).pending == work(3));
  CHECK(site.ledger(0).overwritten == work(2));
  site.train();
  CHECK(contributed(site.stand({pull(2)})).empty());
  CHECK(progress_of(site.stand({Hold{.id = 1}})).fragments.at(0).pending);

  SECTION("carried: it may contribute again, and what is carried stays pending until its end") {
    auto const actions = site.stand({notice(carried(1))});
    CHECK(settled(actions) == std::vector{true});
    CHECK(contributed(actions).size() == 1);
    CHECK(site.ledger(0).pending == work(4));
    CHECK(settled(site.stand({notice(merged(1))})).empty());  // told already
    CHECK(site.ledger(0).merged == work(3));
    CHECK(site.ledger(0).pending == work(1));
  }
  SECTION("dropped: so it is lost") {
    CHECK(settled(site.stand({notice(dropped(1))})) == std::vector{false});
    CHECK(site.ledger(0).dropped == work(3));
  }
}

TEST_CASE("the word that it is carried may come before the release that takes its place") {
  auto site = contributor();
  CHECK(settled(site.stand({notice(carried(1))})) == std::vector{true});
  CHECK(contributed(site.stand({pull(2)})).empty());  // theta holds what is carried
  CHECK(only<SendHeld>(site.stand({Hold{.id = 1}})).empty());
  auto const actions = site.stand({release(1, 1, absent(1)), Cancel{.fragment = 0, .round = 2}});
  CHECK(settled(actions).empty());
  CHECK(only<SendHeld>(actions).size() == 1);
  CHECK(site.ledger(0).pending == work(3));
  CHECK(site.ledger(0).overwritten == work(2));
  CHECK(site.ledger(0).is_balanced());
}

TEST_CASE("a carried contribution that is dropped while theta holds it is trained work as before") {
  auto site = contributor();
  site.stand({notice(carried(1)), notice(dropped(1))});
  CHECK(site.ledger(0).unsent == work(5));
  CHECK(contributed(site.stand({pull(2)})).size() == 1);
}

TEST_CASE("of what is carried for a site, the older ends before the newer begins") {
  auto site = contributor();
  site.stand({release(1, 1, absent(1)), notice(carried(1))});
  site.train({pull(2)});
  site.stand({release(2, 2, absent(2))});
  site.stand({notice({1, Outcome::dropped, {}}), notice(carried(2))});
  CHECK(site.ledger(0).dropped == work(3));
  CHECK(site.ledger(0).pending == work(1));
  site.stand({notice(merged(2))});
  CHECK(site.ledger(0).merged == work(1));
  CHECK(site.ledger(0).pending == work(0));
}

TEST_CASE("a site is saved with what is carried for it, and hears its end in its next life") {
  auto site = contributor();
  site.stand({release(1, 1, absent(1)), notice(carried(1))});
  TrainedSite resumed({.fragments = 1, .late = deck::Late::carry});
  resumed.load(MemoryReader(saved(site)));
  CHECK(resumed.ledger(0).pending == work(3));
  resumed.stand({notice(merged(1))});
  CHECK(resumed.ledger(0).merged == work(3));
  CHECK(resumed.ledger(0).is_balanced());
}
