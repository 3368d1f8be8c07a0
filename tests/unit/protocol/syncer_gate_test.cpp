// What a shard does with contributions that it did not ask for, or that are not as they must be.
#include "base/error.hpp"
#include "support/catch.hpp"
#include "told_shard.hpp"

using namespace atl;
using namespace atl::protocol;
using namespace atl::test;

TEST_CASE("a late contribution is dropped, and its site told") {
  auto shard = open_round(shard_options(2, 1));
  shard.gives(0, 1, 10);
  auto const actions = shard.gives(1, 1, 10);
  CHECK(only<DiscardPayload>(actions).at(0).payload == 201);
  CHECK(sent<FateNotice>(actions, 1).at(0).fate == Fate{1, Outcome::dropped, Reason::unknown_round});
  CHECK(commits(actions).empty());
  CHECK(shard.rejections().at(Reason::unknown_round) == 1);
}

TEST_CASE("a contribution that nobody asked for is dropped") {
  ToldShard shard(shard_options(2, 1));
  CHECK(sent<FateNotice>(shard.gives(0, 1, 10), 0).at(0).fate.outcome == Outcome::dropped);
}

TEST_CASE("a contribution to the open round from a site that was not pulled is dropped") {
  ToldShard shard(shard_options(2, 2));
  shard.says(0, {.step = 10, .unsent = 10});
  shard.says(1, {.step = 10, .unsent = 0});  // opens round 1, without site 1
  auto const actions = shard.gives(1, 1, 10);
  CHECK(sent<FateNotice>(actions, 1).at(0).fate == Fate{1, Outcome::dropped, Reason::unknown_round});
  CHECK(commits(shard.gives(0, 1, 10)).empty());
}

TEST_CASE("what is said of an old round does not hide what is known of a newer one") {
  auto shard = open_round(shard_options(2, 1));
  for (std::uint64_t round = 1; round <= 2; ++round) {
    shard.gives(0, round, 10, round - 1);
    shard.says(1, {.step = 10, .unsent = round == 1 ? 10u : 0u});
    shard.says(0, {.step = 10 + 10 * round, .unsent = 10, .base = round, .round = round});
  }
  // Site 1 was absent from both rounds, and is not in the third; now comes what it had sent for the first.
  CHECK(sent<FateNotice>(shard.gives(1, 1, 10), 1).at(0).fate.round == 1);
  auto const releases = only<SendRelease>(shard.gives(0, 3, 10, 2));
  CHECK(releases.at(1).site == 1);
  CHECK(releases.at(1).release.fate == Fate{2, Outcome::absent, {}});
}

TEST_CASE("a contribution that comes twice counts once, and the site hears only of the first") {
  auto shard = open_round(shard_options(3, 2));
  shard.gives(0, 1, 10);
  auto actions = shard.gives(0, 1, 10);
  CHECK(only<DiscardPayload>(actions).size() == 1);
  CHECK(actions.size() == 1);
  actions = shard.gives(1, 1, 10);
  CHECK(sites_of(commits(actions).at(0)) == std::vector{0, 1});
  // After the commit too: "dropped" would take back what was called merged.
  CHECK(shard.gives(0, 1, 10).size() == 1);
  CHECK(shard.rejections().at(Reason::duplicate) == 2);
}

TEST_CASE("what is wrong with a contribution keeps it out, and is said and counted") {
  auto options = shard_options(2, 2);
  options.outer.max_staleness = 1;
  auto shard = open_round(options);
  // Two commits, so that a base can be too old.
  for (std::uint64_t round = 1; round <= 2; ++round) {
    shard.gives(0, round, 10, round - 1);
    shard.gives(1, round, 10, round - 1);
    for (int site : {0, 1})
      shard.says(site, {.step = 10 + 10 * round, .unsent = 10, .base = round, .round = round});
  }
  auto bad = ToldShard::contribution(3, 10, 2);
  bool finite = true;
  Reason expected = Reason::none;
  SECTION("base too old") {
    bad.base.commits = 0;
    expected = Reason::stale_base;
  }
  SECTION("base from the future") {
    bad.base.commits = 3;
    expected = Reason::future_base;
  }
  SECTION("base of a term to come") {
    bad.base.term = 1;
    expected = Reason::future_base;
  }
  SECTION("no steps") {
    bad.work = {0, 100};
    expected = Reason::wrong_counts;
  }
  SECTION("no tokens") {
    bad.work = {10, 0};
    expected = Reason::wrong_counts;
  }
  SECTION("more tokens than its steps can have") {
    bad.work = {10, 1001};
    expected = Reason::wrong_counts;
  }
  SECTION("more steps than the site has taken") {
    bad.step = 9;
    expected = Reason::wrong_counts;
  }
  SECTION("NaN or infinity") {
    finite = false;
    expected = Reason::not_finite;
  }
  auto const actions = shard.gives(0, bad, finite);
  CHECK(only<DiscardPayload>(actions).size() == 1);
  CHECK(sent<FateNotice>(actions, 0).at(0).fate == Fate{3, Outcome::rejected, expected});
  CHECK(shard.rejections() == std::map<Reason, std::uint64_t>{{expected, 1}});

  // It is no member, and its fate comes with later releases too.
  CHECK(commits(shard.gives(1, 3, 10, 2)).empty());
  CHECK(shard.version(0) == Version{0, 2});
}

TEST_CASE("a round that a refusal leaves without a quorum is called off, and the next comes in its time") {
  auto shard = open_round(shard_options(3, 2));
  shard.gives(1, ToldShard::contribution(1, 10), false);
  CHECK(sent<Cancel>(shard.gives(0, 1, 10), 2).empty());  // site 2 may still answer
  auto const actions = shard.gives(2, ToldShard::contribution(1, 10), false);
  CHECK(sent<FateNotice>(actions, 0).at(0).fate == Fate{1, Outcome::dropped, {}});
  CHECK(only<DiscardPayload>(actions).size() == 2);

  for (int site : {0, 1, 2}) CHECK(pulled(shard.says(site, {.step = 19, .unsent = 19, .round = 1})).empty());
  CHECK(pulled(shard.says(0, {.step = 20, .unsent = 20, .round = 1})).empty());
  CHECK(pulled(shard.says(1, {.step = 20, .unsent = 20, .round = 1})) ==
        std::vector{0, 1, 2});  // the clock: K = 2
}

TEST_CASE("a contribution that is as old and as large as allowed passes") {
  auto options = shard_options(2, 1);
  options.outer.max_staleness = 1;
  auto shard = open_round(options);
  shard.gives(0, 1, 10);
  shard.says(1, {.step = 20, .unsent = 20, .round = 1});
  shard.says(0, {.step = 20, .unsent = 10, .base = 1, .round = 1});
  auto contribution = ToldShard::contribution(2, 20, 0);
  contribution.step = 20;
  CHECK(commits(shard.gives(1, contribution)).size() == 1);
  CHECK(shard.rejections().empty());
}

TEST_CASE("what an earlier life of a site sends has no effect") {
  auto shard = open_round(shard_options(2, 2));
  shard.gives(0, 1, 10);
  auto actions = shard.on_admitted(0, 2, 1.0);
  CHECK(only<DiscardPayload>(actions).at(0).payload == 101);  // the contribution of its earlier life
  CHECK(only<SendRelease>(actions).size() == 1);

  CHECK(shard.says(0, {.step = 50, .unsent = 50}).empty());
  CHECK(shard.clock() == 10);
  actions = shard.gives(0, 1, 10);
  CHECK(only<DiscardPayload>(actions).size() == 1);
  CHECK(actions.size() == 1);
  CHECK(commits(shard.gives(1, 1, 10)).empty());
  CHECK(shard.rejections().at(Reason::old_incarnation) == 2);
  CHECK(shard.on_admitted(0, 1, 2.0).empty());
}

TEST_CASE("what concerns a fragment of another shard is ignored") {
  auto options = shard_options(1, 1);
  options.shards = 2;
  options.outer.fragments = 2;
  ToldShard shard(options);
  Progress progress{.incarnation = 1, .step = 1, .fragments = std::vector<Progress::Fragment>(2)};
  progress.fragments[0].fragment = 1;
  progress.fragments[1].fragment = 77;
  shard.on_progress(0, progress, 0.0);
  auto foreign = ToldShard::contribution(1, 10);
  foreign.fragment = 1;
  CHECK(only<DiscardPayload>(shard.gives(0, foreign)).size() == 1);
  CHECK_THROWS_AS(shard.version(1), base::RuntimeFailure);
}
