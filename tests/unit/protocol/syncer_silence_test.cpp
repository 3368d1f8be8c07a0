// Sites that fall silent and come back, as their shard sees it.
#include "support/catch.hpp"
#include "told_shard.hpp"

using namespace atl;
using namespace atl::protocol;
using namespace atl::test;

TEST_CASE("a site that is not heard for dead_after_s is live no longer, until it is heard again") {
  ToldShard shard(shard_options(2, 1));
  CHECK(shard.next_timer_s() == 10.0);
  shard.now_s = 6.0;
  shard.says(0, {.step = 1, .unsent = 1});
  CHECK(shard.next_timer_s() == 10.0);  // site 1
  shard.waits_until(10.0);
  CHECK(shard.is_live(0));
  CHECK_FALSE(shard.is_live(1));
  CHECK(shard.next_timer_s() == 16.0);

  shard.now_s = 12.0;
  SECTION("by its progress") { shard.says(1, {.step = 1, .unsent = 1}); }
  SECTION("by a contribution") { shard.gives(1, 1, 1); }
  CHECK(shard.is_live(1));
}

TEST_CASE("a timer that has run is not set again for the same time") {
  ToldShard shard(shard_options(1, 1));
  for (double const start : {0.1, 1e5 / 3, 1e9 / 7}) {
    shard.now_s = start;
    shard.says(0, {.step = 1, .unsent = 1});
    auto const timer = shard.next_timer_s();
    REQUIRE(timer.has_value());
    shard.waits_until(*timer);
    CHECK_FALSE(shard.is_live(0));
    CHECK_FALSE(shard.next_timer_s().has_value());
  }
}

TEST_CASE("a site that was never admitted is not heard") {
  auto const options = shard_options(1, 1);
  SyncerMachine shard(options);
  CHECK(shard.on_progress(0, {.incarnation = 1, .step = 50, .fragments = {}}, 0.0).empty());
  CHECK_FALSE(shard.is_live(0));
  CHECK(shard.clock() == 0);
}

TEST_CASE("a site counts for the clock once its step is known") {
  ToldShard shard(shard_options(2, 2));
  shard.says(0, {.step = 30, .unsent = 30});
  CHECK(shard.clock() == 0);
  shard.says(1, {.step = 20, .unsent = 20});
  CHECK(shard.clock() == 20);
}

TEST_CASE("a site in its next life does not count for the clock before it has spoken") {
  ToldShard shard(shard_options(2, 2));
  shard.says(0, {.step = 30});
  shard.says(1, {.step = 31});
  REQUIRE(shard.clock() == 30);
  shard.on_admitted(1, 2, 1.0);
  shard.on_progress(1, {.incarnation = 2, .step = 25, .fragments = {}}, 1.0);
  CHECK(shard.clock() == 30);
  shard.on_progress(1, {.incarnation = 2, .step = 26, .fragments = {}}, 1.0);
  CHECK(shard.clock() == 31);
}

TEST_CASE("the clock does not fall or leap with a site that goes and comes") {
  ToldShard shard(shard_options(2, 1));
  shard.says(1, {.step = 40});
  shard.says(0, {.step = 100});
  shard.now_s = 9.0;
  shard.says(1, {.step = 45});
  shard.waits_until(11.0);  // site 0 is silent
  CHECK(shard.clock() == 100);
  shard.says(1, {.step = 47});
  CHECK(shard.clock() == 102);
  shard.says(0, {.step = 101});
  CHECK(shard.clock() == 102);
  shard.says(0, {.step = 102});
  CHECK(shard.clock() == 103);
}

TEST_CASE("a silent site is not pulled, not waited for and sent nothing") {
  auto options = shard_options(2, 1);
  options.outer.grace = deck::GraceKind::fixed;
  options.outer.grace_s = 60.0;
  ToldShard shard(options);
  shard.says(1, {.step = 9, .unsent = 9});
  shard.now_s = 9.0;
  shard.says(0, {.step = 9, .unsent = 9});

  SECTION("from before the round") {
    shard.now_s = 11.0;
    auto const actions = shard.says(0, {.step = 10, .unsent = 10});
    CHECK(sent<Pull>(actions, 0).size() == 1);
    CHECK(sent<Pull>(actions, 1).empty());
    auto const closed = shard.gives(0, 1, 10);
    CHECK(only<Commit>(closed).at(0).absent.empty());
    CHECK(only<SendRelease>(closed).size() == 1);
  }
  SECTION("from amid the round") {
    shard.says(0, {.step = 10, .unsent = 10});
    CHECK(only<Commit>(shard.gives(0, 1, 10)).empty());
    auto const closed = shard.waits_until(10.0);
    CHECK(only<Commit>(closed).at(0).absent == std::vector{1});
    CHECK(only<SendRelease>(closed).size() == 1);
  }
}

TEST_CASE(
    "a site that comes back gets the newest version of each fragment it missed, once, and with its fate") {
  auto options = shard_options(2, 1);
  options.outer.fragments = 2;
  ToldShard shard(options);
  auto const says = [&](int site, std::uint64_t step, Version base_0, Version base_1) {
    Progress const progress{
        .incarnation = 1,
        .step = step,
        .step_s = 1.0,
        .fragments = {{.fragment = 0, .base = base_0, .unsent = {1, 100}, .round = base_0.commits},
                      {.fragment = 1, .base = base_1, .unsent = {}, .round = 0}}};
    return shard.on_progress(site, progress, shard.now_s);
  };
  says(1, 1, {}, {});
  shard.now_s = 11.0;
  says(0, 10, {}, {});
  shard.gives(0, 1, 1);
  says(0, 20, {0, 1}, {});
  shard.gives(0, 2, 1, 1);
  REQUIRE(shard.version(0) == Version{0, 2});

  auto const welcome_back = only<SendRelease>(says(1, 2, {}, {}));
  REQUIRE(welcome_back.size() == 1);  // fragment 1 has not changed
  CHECK(welcome_back[0].site == 1);
  CHECK(welcome_back[0].release == Release{.fragment = 0, .round = 2, .version = {0, 2}, .fate = {}});
  CHECK(only<SendRelease>(says(1, 3, {}, {})).empty());  // it is on its way
}

TEST_CASE("a site that was pulled before it fell silent may still answer the same round") {
  auto shard = ToldShard(shard_options(2, 2));
  for (int site : {0, 1}) shard.says(site, {.step = 10, .unsent = 10});
  shard.now_s = 9.0;
  shard.says(0, {.step = 11, .unsent = 11});
  shard.gives(0, 1, 11);
  shard.now_s = 15.0;
  shard.says(0, {.step = 15, .unsent = 4, .pending = true, .round = 1});
  REQUIRE_FALSE(shard.is_live(1));
  auto const commit = only<Commit>(shard.gives(1, 1, 10)).at(0);
  CHECK(sites_of(commit) == std::vector{0, 1});
}

TEST_CASE("a silence says nothing of the link: it does not count as time to adopt") {
  auto options = shard_options(2, 1);
  options.outer.grace = deck::GraceKind::adaptive;
  options.outer.overlap_steps = 8;
  options.outer.grace_fraction = 1.0;
  options.outer.grace_cap_s = 100.0;
  ToldShard shard(options);
  for (int site : {0, 1}) shard.says(site, {.step = 10, .unsent = 10});
  shard.gives(0, 1, 10);
  shard.gives(1, 1, 10);
  shard.now_s = 2.0;
  shard.says(0, {.step = 12, .unsent = 0, .base = 1, .round = 1});  // adopted after 2 s
  shard.now_s = 11.0;
  shard.says(0, {.step = 13, .unsent = 1, .base = 1, .round = 1});
  REQUIRE_FALSE(shard.is_live(1));
  shard.says(1, {.step = 11, .unsent = 1, .base = 1, .round = 1});  // after 11 s
  shard.says(0, {.step = 20, .unsent = 8, .base = 1, .round = 1});
  shard.gives(0, 2, 8, 1);
  CHECK(shard.next_timer_s() == 11.0 + 8 * 1.0 - 2.0);  // tau steps less the 2 s
}

TEST_CASE("what a round waits for is said in words, once that is worth saying") {
  ToldShard shard(shard_options(3, 2));
  CHECK(shard.waiting_for().empty());
  for (int site : {0, 1, 2}) shard.says(site, {.step = 10, .unsent = 10});
  shard.gives(0, 1, 10);
  CHECK(shard.waiting_for().empty());  // it has only just opened

  shard.now_s = 9.0;
  shard.says(1, {.step = 11, .unsent = 11});
  shard.now_s = 12.0;
  SECTION("although enough sites live") {
    shard.says(0, {.step = 12, .unsent = 2, .pending = true, .round = 1});
    CHECK(shard.waiting_for() ==
          "fragment 0 waits for 1 of 2 sites: site 1 (asked 12 s ago), site 2 (silent for 12 s)");
    shard.says(1, {.step = 12, .unsent = 0, .pending = true, .round = 1});
    CHECK_THAT(shard.waiting_for(), ContainsSubstring("site 1 (its contribution is under way)"));
    shard.says(2, {.step = 10, .unsent = 10});
    shard.gives(1, ToldShard::contribution(1, 10), false);
    CHECK_THAT(shard.waiting_for(), ContainsSubstring("site 1 (rejected: not_finite)"));
  }
  SECTION("because too few live") {
    shard.waits_until(12.0);
    CHECK(shard.waiting_for() ==
          "fragment 0 waits for 1 of 2 sites: site 1 (asked 12 s ago), site 2 (silent for 12 s)");
    shard.gives(1, 1, 10);
    CHECK(shard.waiting_for() ==
          "the clock waits for 1 of 2 sites: site 0 (silent for 12 s), site 2 (silent for 12 s)");
  }
}

TEST_CASE("a site that has not come yet is waited for by name") {
  SyncerMachine shard(shard_options(2, 2));
  shard.on_admitted(0, 1, 0.0);
  CHECK(shard.waiting_for() == "the clock waits for 1 of 2 sites: site 1 (not here yet)");
}
