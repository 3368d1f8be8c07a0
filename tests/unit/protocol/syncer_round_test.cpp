// A round of one fragment at its owner, event by event: who is pulled, when it closes, who is in it.
#include "support/catch.hpp"
#include "told_shard.hpp"

using namespace atl;
using namespace atl::protocol;
using namespace atl::test;

namespace {

using Sites = std::vector<int>;

}  // namespace

TEST_CASE("an admitted site is sent every fragment of the shard") {
  auto options = shard_options(1, 1);
  options.shards = 2;
  options.shard = 1;
  options.outer.fragments = 5;
  SyncerMachine shard(options);
  auto const releases = only<SendRelease>(shard.on_admitted(0, 1, 0.0));
  REQUIRE(releases.size() == 2);
  CHECK(releases[0].release == Release{.fragment = 1, .round = 0, .version = {0, 0}, .fate = {}});
  CHECK(releases[1].release.fragment == 3);
  CHECK(shard.owns(3));
  CHECK_FALSE(shard.owns(4));
  CHECK(shard.on_admitted(0, 1, 1.0).empty());  // once
}

TEST_CASE("a round opens when its fragment is due, with a pull to every site that has trained") {
  ToldShard shard(shard_options(3, 1));
  shard.says(0, {.step = 9, .unsent = 9});
  shard.says(1, {.step = 9, .unsent = 9});
  CHECK(shard.says(2, {.step = 4, .unsent = 0}).empty());
  auto const actions = shard.says(0, {.step = 10, .unsent = 10});
  CHECK(pulled(actions) == Sites{0, 1});
  CHECK(sent<Pull>(actions, 0).at(0) == Pull{.fragment = 0, .round = 1, .fate = {}});
}

TEST_CASE("fragments are due one after another, and their rounds go on at once") {
  auto options = shard_options(1, 1);
  options.outer.fragments = 2;
  ToldShard shard(options);
  auto const says = [&](std::uint64_t step) {
    Progress const progress{.incarnation = 1,
                            .step = step,
                            .step_s = 1.0,
                            .fragments = {{.fragment = 0, .base = {}, .unsent = {step, 100 * step}},
                                          {.fragment = 1, .base = {}, .unsent = {step, 100 * step}}}};
    return sent<Pull>(shard.on_progress(0, progress, 0.0), 0);
  };
  CHECK(says(4).empty());
  CHECK(says(5).at(0).fragment == 1);
  CHECK(says(9).empty());
  CHECK(says(10).at(0).fragment == 0);
  // The later round may close first.
  CHECK(commits(shard.gives(0, 1, 10)).at(0).fragment == 0);
  auto other = ToldShard::contribution(1, 5);
  other.fragment = 1;
  CHECK(commits(shard.gives(0, other)).at(0).fragment == 1);
}

TEST_CASE("a site that becomes eligible before the quorum is pulled too, afterwards not") {
  auto options = shard_options(3, 1);
  options.outer.grace = deck::GraceKind::fixed;
  options.outer.grace_s = 5.0;
  ToldShard shard(options);
  shard.says(2, {.step = 1, .unsent = 0});
  shard.says(1, {.step = 1, .unsent = 0});
  CHECK(pulled(shard.says(0, {.step = 10, .unsent = 10})) == Sites{0});
  CHECK(pulled(shard.says(1, {.step = 2, .unsent = 1})) == Sites{1});
  CHECK(commits(shard.gives(0, 1, 10)).empty());
  CHECK(pulled(shard.says(2, {.step = 2, .unsent = 1})).empty());
}

TEST_CASE("a site is pulled once in a round") {
  auto shard = open_round(shard_options(2, 2));
  CHECK(pulled(shard.says(0, {.step = 11, .unsent = 11})).empty());
  CHECK(pulled(shard.says(0, {.step = 12, .unsent = 12})).empty());
}

TEST_CASE("a site with a contribution whose fate is open is not pulled") {
  ToldShard shard(shard_options(2, 1));
  shard.says(1, {.step = 10, .unsent = 3, .pending = true});
  CHECK(pulled(shard.says(0, {.step = 10, .unsent = 10})) == Sites{0});
}

TEST_CASE("a round commits when it has its quorum, and everybody gets the version and a fate") {
  auto shard = open_round(shard_options(3, 2));
  shard.now_s = 2.0;
  CHECK(commits(shard.gives(1, 1, 10)).empty());
  auto const actions = shard.gives(0, 1, 10);

  REQUIRE(std::holds_alternative<Commit>(actions.at(1)));  // before the releases of what it makes
  auto const& commit = std::get<Commit>(actions[1]);
  CHECK(commit.version == Version{0, 1});
  CHECK(commit.round == 1);
  CHECK(commit.wait_s == 2.0);
  CHECK(sites_of(commit) == Sites{0, 1});
  CHECK(commit.absent == Sites{2});
  CHECK(commit.members[0].payload == 101);
  CHECK(shard.version(0) == Version{0, 1});

  auto const releases = only<SendRelease>(actions);
  REQUIRE(releases.size() == 3);
  CHECK(releases[0].release ==
        Release{.fragment = 0, .round = 1, .version = {0, 1}, .fate = {1, Outcome::merged, {}}});
  CHECK(releases[1].release.fate.outcome == Outcome::merged);
  CHECK(releases[2].site == 2);
  CHECK(releases[2].release.fate == Fate{1, Outcome::absent, {}});
  CHECK(sent<Cancel>(actions, 2).at(0) == Cancel{.fragment = 0, .round = 1});
  CHECK(sent<Cancel>(actions, 0).empty());
}

TEST_CASE("a site hears at once that its contribution has arrived, to have its place free for the next") {
  auto shard = open_round(shard_options(2, 2));
  auto const actions = shard.gives(1, 1, 10);
  REQUIRE(actions.size() == 1);
  CHECK(sent<FateNotice>(actions, 1).at(0) == FateNotice{.fragment = 0, .fate = {1, Outcome::received, {}}});
}

TEST_CASE("a round below its quorum does not commit, however long it takes") {
  auto shard = open_round(shard_options(2, 2));
  shard.gives(0, 1, 10);
  for (int second = 1; second < 100; ++second) {
    shard.now_s = second;
    CHECK(commits(shard.says(0, {.step = 10, .unsent = 0, .pending = true, .round = 1})).empty());
    CHECK(commits(shard.says(1, {.step = 100, .unsent = 100})).empty());
  }
  CHECK(shard.version(0) == Version{0, 0});
}

TEST_CASE("the members stand in the order of the sites, whoever came first") {
  auto shard = open_round(shard_options(3, 3));
  shard.gives(2, 1, 7);
  shard.gives(0, 1, 8);
  auto const commit = commits(shard.gives(1, 1, 9)).at(0);
  CHECK(sites_of(commit) == Sites{0, 1, 2});
  CHECK(commit.members[1].contribution.work.steps == 9);
}

TEST_CASE("a member weighs as much as its tokens, times its tokens per step") {
  auto options = shard_options(2, 2);
  options.max_tokens_per_step = 1000;
  auto shard = open_round(options);
  auto large_batches = ToldShard::contribution(1, 5);
  large_batches.work.tokens = 5000;
  shard.gives(0, large_batches);
  auto const commit = commits(shard.gives(1, 1, 10)).at(0);
  CHECK(commit.members[0].weight == 5000.0 * 1000.0);
  CHECK(commit.members[1].weight == 1000.0 * 100.0);
}

TEST_CASE("staleness counts the commits that a member's base is behind") {
  auto shard = open_round(shard_options(2, 1));
  shard.gives(0, 1, 10);
  shard.says(1, {.step = 20, .unsent = 20, .round = 1});  // has not adopted version 1 yet
  shard.says(0, {.step = 20, .unsent = 10, .base = 1, .round = 1});
  auto const commit = commits(shard.gives(1, 2, 20)).at(0);
  CHECK(commit.members.at(0).staleness == 1);
}

// ---- grace ----

TEST_CASE("a round stays open for the grace after its quorum, then closes by the timer") {
  auto options = shard_options(2, 1);
  options.outer.grace = deck::GraceKind::fixed;
  options.outer.grace_s = 3.0;
  auto shard = open_round(options);
  shard.now_s = 1.0;
  CHECK(commits(shard.gives(0, 1, 10)).empty());
  CHECK(shard.next_timer_s() == 4.0);
  CHECK(commits(shard.waits_until(3.9)).empty());

  SECTION("without the one who is late") {
    auto const commit = commits(shard.waits_until(4.0)).at(0);
    CHECK(sites_of(commit) == Sites{0});
    CHECK(commit.absent == Sites{1});
    CHECK(commit.wait_s == 4.0);
  }
  SECTION("or at once when all who were asked have answered") {
    CHECK(sites_of(commits(shard.gives(1, 1, 9)).at(0)) == Sites{0, 1});
  }
  SECTION("refusal is an answer too") {
    CHECK(sites_of(commits(shard.gives(1, ToldShard::contribution(1, 9), false)).at(0)) == Sites{0});
  }
}

TEST_CASE("adaptive grace is at least one step of the slowest site that was asked") {
  auto options = shard_options(3, 1);
  options.outer.grace = deck::GraceKind::adaptive;
  options.outer.overlap_steps = 0;
  options.outer.grace_floor_steps = 1.0;
  options.outer.grace_cap_s = 100.0;
  ToldShard shard(options);
  shard.says(0, {.step = 10, .unsent = 10, .step_s = 0.5});
  shard.says(1, {.step = 10, .unsent = 10, .step_s = 2.0});
  shard.says(2, {.step = 10, .unsent = 0, .step_s = 50.0});  // not asked
  shard.gives(0, 1, 10);
  CHECK(shard.next_timer_s() == 2.0);
}

TEST_CASE("without grace a round closes at its quorum") {
  auto shard = open_round(shard_options(3, 1));
  CHECK(sites_of(commits(shard.gives(1, 1, 10)).at(0)) == Sites{1});
}

// ---- the schedule ----

TEST_CASE("after a commit the fragment is due again one interval later, and never less than half") {
  auto shard = open_round(shard_options(1, 1));
  shard.gives(0, 1, 10);
  CHECK(pulled(shard.says(0, {.step = 19, .unsent = 9, .base = 1, .round = 1})).empty());
  CHECK(pulled(shard.says(0, {.step = 20, .unsent = 10, .base = 1, .round = 1})) == Sites{0});
  shard.says(0, {.step = 26, .unsent = 6, .base = 1, .pending = true, .round = 2});
  shard.gives(0, 2, 10, 1);  // closes at 26: 30 is less than half an interval away
  CHECK(pulled(shard.says(0, {.step = 39, .unsent = 13, .base = 2, .round = 2})).empty());
  CHECK(pulled(shard.says(0, {.step = 40, .unsent = 14, .base = 2, .round = 2})) == Sites{0});
}

TEST_CASE(
    "a site whose work was merged is not pulled again before it has adopted the version that holds it") {
  auto shard = open_round(shard_options(2, 1));
  shard.gives(0, 1, 10);
  CHECK(pulled(shard.says(0, {.step = 20, .unsent = 20})) == Sites{1});  // site 0 does not know yet
  CHECK(pulled(shard.says(0, {.step = 21, .unsent = 1, .base = 1, .round = 1})) == Sites{0});
}

TEST_CASE("a site too far behind is not pulled: its contribution would be refused") {
  auto options = shard_options(2, 1);
  options.outer.max_staleness = 1;
  auto shard = open_round(options);
  for (std::uint64_t round = 1; round <= 2; ++round) {
    shard.gives(0, round, 10, round - 1);
    shard.says(1, {.step = 10 + round, .unsent = 10 + round, .round = round});
    shard.says(0, {.step = 10 + 10 * round, .unsent = 10, .base = round, .round = round});
  }
  // Round 3 is open; site 1 is two commits behind.
  shard.gives(0, 3, 10, 2);
  CHECK(shard.version(0) == Version{0, 3});
  CHECK(pulled(shard.says(0, {.step = 40, .unsent = 10, .base = 3, .round = 3})) == Sites{0});
  CHECK(pulled(shard.says(1, {.step = 40, .unsent = 1, .base = 2, .round = 3})) == Sites{1});
}
