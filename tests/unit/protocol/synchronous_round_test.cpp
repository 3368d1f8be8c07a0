// Rounds that nobody asks for, at their shard: all sites or none (PROTOCOL.md §7).
#include "support/catch.hpp"
#include "support/memory_archive.hpp"
#include "told_shard.hpp"

using namespace atl;
using namespace atl::protocol;
using namespace atl::test;

namespace {

ToldShard::Options synchronous(int sites) {
  auto options = shard_options(sites, sites);
  options.synchronous = true;
  options.last_step = 100;
  return options;
}

// Round 10 is open with what site 0 contributed.
ToldShard half_a_round() {
  ToldShard shard(synchronous(2));
  shard.says(1, {.step = 7, .unsent = 7});
  shard.says(0, {.step = 10, .unsent = 0, .pending = true, .round = 10});
  shard.gives(0, 10, 10);
  return shard;
}

Word const waits{.step = 10, .unsent = 0, .pending = true, .round = 10, .holding = true};
Word const trains{.step = 7, .unsent = 7, .holding = true};

}  // namespace

TEST_CASE("nothing is pulled in a synchronous method, whatever the clock says") {
  ToldShard shard(synchronous(2));
  CHECK(shard.says(0, {.step = 10, .unsent = 10}).empty());
  CHECK(shard.says(1, {.step = 35, .unsent = 35}).empty());
  CHECK(shard.waits_until(5.0).empty());
}

TEST_CASE("a round opens with its first contribution and closes with its last, without grace") {
  auto options = synchronous(3);
  options.outer.grace = deck::GraceKind::fixed;
  options.outer.grace_s = 5.0;
  ToldShard shard(options);
  shard.now_s = 1.0;
  CHECK(commits(shard.gives(2, 10, 10)).empty());
  shard.now_s = 7.0;
  CHECK(commits(shard.gives(0, 10, 10)).empty());
  shard.now_s = 9.0;
  auto const actions = shard.gives(1, 10, 10);
  auto const commit = commits(actions).at(0);
  CHECK(sites_of(commit) == std::vector{0, 1, 2});
  CHECK(commit.round == 10);
  CHECK(commit.version == Version{0, 1});
  CHECK(commit.wait_s == 8.0);
  CHECK(commit.absent.empty());
  auto const releases = only<SendRelease>(actions);
  REQUIRE(releases.size() == 3);
  CHECK(releases[2].release ==
        Release{.fragment = 0, .round = 10, .version = {0, 1}, .fate = {10, Outcome::merged, {}}});
}

TEST_CASE("what comes to a round that is closed is dropped") {
  ToldShard shard(synchronous(1));
  CHECK(commits(shard.gives(0, 20, 20)).size() == 1);
  CHECK(only<DiscardPayload>(shard.gives(0, 10, 10)).size() == 1);
  CHECK(shard.version(0) == Version{0, 1});
}

TEST_CASE("a lost site keeps its round open, and is named") {
  auto shard = half_a_round();
  CHECK(shard.waiting_for().empty());
  shard.now_s = 9.0;
  shard.says(0, {.step = 10, .unsent = 0, .pending = true, .round = 10});
  CHECK(commits(shard.waits_until(12.0)).empty());
  CHECK_THAT(shard.waiting_for(), ContainsSubstring("site 1 (silent for 12 s)"));
  CHECK_THAT(shard.waiting_for(), !ContainsSubstring("site 0"));

  shard.says(1, {.step = 8, .unsent = 8});
  CHECK_THAT(shard.waiting_for(), ContainsSubstring("site 1 (at step 8 of 10)"));
  CHECK(commits(shard.gives(1, 10, 10)).size() == 1);
}

TEST_CASE("a contribution that was refused is named as what the round waits for") {
  auto shard = half_a_round();
  CHECK(commits(shard.gives(1, ToldShard::contribution(10, 10), false)).empty());
  shard.now_s = 11.0;
  shard.says(0, {.step = 10, .unsent = 0, .pending = true, .round = 10});
  shard.says(1, {.step = 10, .unsent = 10, .round = 10});
  CHECK_THAT(shard.waiting_for(), ContainsSubstring("site 1 (rejected: not_finite)"));
}

TEST_CASE("the slowest live site's step is what the end of the run waits for") {
  ToldShard shard(synchronous(2));
  CHECK(shard.slowest_step() == 0);
  shard.says(0, {.step = 5, .unsent = 5});
  CHECK(shard.slowest_step() == 0);  // site 1 has not spoken yet
  shard.now_s = 4.0;
  shard.says(1, {.step = 3, .unsent = 3});
  CHECK(shard.slowest_step() == 3);
  shard.waits_until(10.0);
  CHECK(shard.slowest_step() == 3);  // site 0 is silent
  shard.waits_until(14.0);
  CHECK(shard.slowest_step() == 0);  // nobody lives
}

// ---- rest ----

TEST_CASE("a checkpoint leaves rounds open: quiet is when all stand still and what they sent is here") {
  ToldShard shard(synchronous(2));
  auto const purpose = GENERATE(Purpose::checkpoint, Purpose::stop);
  shard.on_hold(purpose, 0.0);
  CHECK(shard.says(1, trains).empty());
  CHECK_FALSE(shard.is_quiet());
  CHECK(shard.says(0, waits).empty());
  CHECK_FALSE(shard.is_quiet());  // its contribution is on the way
  shard.gives(0, 10, 10);
  CHECK(shard.is_quiet());
  CHECK(shard.held_members().size() == 1);
  CHECK(shard.on_go(1.0).empty());
  CHECK(commits(shard.gives(1, 10, 10)).size() == 1);
}

TEST_CASE("a shard that is saved in the middle of a round closes it after the stop") {
  auto shard = half_a_round();
  shard.on_hold(Purpose::stop, 0.0);
  shard.says(1, trains);
  shard.says(0, waits);
  REQUIRE(shard.is_quiet());
  SyncerMachine resumed(synchronous(2));
  resumed.load(MemoryReader(saved(shard)), 50.0);
  auto const held = resumed.held_members();
  REQUIRE(held.size() == 1);
  CHECK(held[0]->payload == 1);
  CHECK(held[0]->site == 0);
  CHECK(held[0]->weight == 10 * 100.0 * 100.0);
  CHECK(held[0]->contribution.work == Work{10, 1000});

  SECTION("when its sites come with the life that follows") {
    for (int site : {0, 1}) CHECK(only<DiscardPayload>(resumed.on_admitted(site, 2, 51.0)).empty());
    auto contribution = ToldShard::contribution(10, 10);
    contribution.incarnation = 2;
    auto const closed = commits(resumed.on_contribution(1, contribution, {.payload = 7}, 53.0));
    REQUIRE(closed.size() == 1);
    CHECK(sites_of(closed[0]) == std::vector{0, 1});
    CHECK(closed[0].members[0].payload == 1);
    CHECK(closed[0].wait_s == 3.0);
  }
  SECTION("but not with what another life sent") {
    CHECK(only<DiscardPayload>(resumed.on_admitted(0, 3, 51.0)).at(0).payload == 1);
    CHECK(resumed.held_members().empty());
  }
}

TEST_CASE("what is saved of sites that are there no more is left out, and what is damaged is refused") {
  auto const values = saved(half_a_round());
  SECTION("fewer sites") {
    auto moved = values;
    auto member = std::get<std::vector<std::uint64_t>>(moved.at("fragment_0/held_0"));
    member[0] = 5;
    moved["fragment_0/held_0"] = member;
    SyncerMachine resumed(synchronous(2));
    resumed.load(MemoryReader(moved), 0.0);
    CHECK(resumed.held_members().empty());
  }
  SECTION("no contribution") {
    auto damaged = values;
    damaged["fragment_0/held_0"] = std::vector<std::uint64_t>{0, 0, 10};
    SyncerMachine resumed(synchronous(2));
    CHECK_THROWS_AS(resumed.load(MemoryReader(damaged), 0.0), base::InputError);
  }
}

TEST_CASE(
    "finish: a round that cannot close any more is called off, and the last round asks for what is left") {
  ToldShard shard(synchronous(2));
  shard.says(0, {.step = 100, .unsent = 0, .pending = true, .round = 100, .holding = true});
  shard.says(1, {.step = 97, .unsent = 97});
  shard.gives(0, 100, 10);
  CHECK(shard.on_hold(Purpose::finish, 0.0).empty());
  auto const actions = shard.says(1, {.step = 97, .unsent = 97, .holding = true});
  CHECK(sent<FateNotice>(actions, 0).at(0).fate == Fate{100, Outcome::dropped, {}});
  CHECK_FALSE(shard.is_quiet());
  auto const last = shard.says(0, {.step = 100, .unsent = 10, .round = 100, .holding = true});
  for (int site : {0, 1}) CHECK(sent<Pull>(last, site).at(0).round == 101);
  shard.gives(0, 101, 10);
  CHECK(commits(shard.gives(1, 101, 97)).size() == 1);
}
