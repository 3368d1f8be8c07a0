// Coming to rest at a shard: checkpoint, stop, and finish with its last round.
#include "support/catch.hpp"
#include "told_shard.hpp"

using namespace atl;
using namespace atl::protocol;
using namespace atl::test;

TEST_CASE("at rest no round opens, and afterwards what is due opens at once") {
  ToldShard shard(shard_options(1, 1));
  shard.on_hold(Purpose::checkpoint, 0.0);
  CHECK(shard.says(0, {.step = 10, .unsent = 10}).empty());
  CHECK(shard.says(0, {.step = 10, .unsent = 10, .holding = true}).empty());
  CHECK(shard.is_quiet());
  CHECK(sent<Pull>(shard.on_go(1.0), 0).size() == 1);
  CHECK_FALSE(shard.is_quiet());
}

TEST_CASE("a shard is quiet only when it was asked to be") {
  ToldShard shard(shard_options(1, 1));
  shard.says(0, {.step = 1, .unsent = 1, .holding = true});
  CHECK_FALSE(shard.is_quiet());
  shard.on_hold(Purpose::stop, 0.0);
  CHECK(shard.is_quiet());
}

TEST_CASE("a shard is quiet when every live site stands still on the newest version with nothing under way") {
  ToldShard shard(shard_options(2, 1));
  for (int site : {0, 1}) shard.says(site, {.step = 10, .unsent = 10});
  shard.gives(0, 1, 10);
  shard.on_hold(Purpose::checkpoint, 0.0);
  Word const at_rest{.step = 10, .unsent = 0, .base = 1, .round = 1, .holding = true};
  shard.says(0, at_rest);
  CHECK_FALSE(shard.is_quiet());  // site 1 has not spoken

  Word word = at_rest;
  SECTION("it trains") { word.holding = false; }
  SECTION("it has not adopted the newest version") { word.base = 0; }
  SECTION("the fate of its contribution is open") { word.pending = true; }
  SECTION("it may still answer the pull") { word.round = 0; }
  shard.says(1, word);
  CHECK_FALSE(shard.is_quiet());
  shard.says(1, at_rest);
  CHECK(shard.is_quiet());
}

TEST_CASE("a site that is not live does not keep a shard from rest") {
  ToldShard shard(shard_options(2, 1));
  shard.now_s = 5.0;
  shard.says(0, {.step = 5, .unsent = 5, .holding = true});
  shard.on_hold(Purpose::checkpoint, 5.0);
  CHECK_FALSE(shard.is_quiet());
  shard.waits_until(10.0);
  CHECK(shard.is_quiet());
}

TEST_CASE("checkpoint and stop cancel a round that nobody has contributed to") {
  auto shard = open_round(shard_options(2, 1));
  auto const actions = shard.on_hold(GENERATE(Purpose::checkpoint, Purpose::stop), 1.0);
  for (int site : {0, 1}) CHECK(sent<Cancel>(actions, site).at(0) == Cancel{.fragment = 0, .round = 1});

  // Who answered before the word reached it is told so; until then the shard is not quiet.
  for (int site : {0, 1}) shard.says(site, {.step = 10, .unsent = 10, .holding = true});
  CHECK_FALSE(shard.is_quiet());
  shard.says(1, {.step = 10, .unsent = 10, .round = 1, .holding = true});
  shard.says(0, {.step = 10, .unsent = 0, .pending = true, .round = 1, .holding = true});
  CHECK_FALSE(shard.is_quiet());
  CHECK(sent<FateNotice>(shard.gives(0, 1, 10), 0).at(0).fate.outcome == Outcome::dropped);
  shard.says(0, {.step = 10, .unsent = 10, .round = 1, .holding = true});
  CHECK(shard.is_quiet());
}

TEST_CASE("a round with contributions goes on to its commit") {
  auto shard = open_round(shard_options(2, 2));
  shard.gives(0, 1, 10);
  CHECK(shard.on_hold(Purpose::stop, 0.0).empty());
  CHECK(shard.says(0, {.step = 10, .unsent = 0, .pending = true, .round = 1, .holding = true}).empty());
  CHECK(shard.says(1, {.step = 11, .unsent = 11, .holding = true}).empty());  // has yet to see the pull
  CHECK(shard.says(1, {.step = 11, .unsent = 0, .pending = true, .round = 1, .holding = true}).empty());
  CHECK(commits(shard.gives(1, 1, 11)).size() == 1);
  for (int site : {0, 1}) shard.says(site, {.step = 11, .unsent = 0, .base = 1, .round = 1, .holding = true});
  CHECK(shard.is_quiet());
}

TEST_CASE("a round that can no longer reach its quorum is cancelled, and what it had is dropped") {
  auto shard = open_round(shard_options(2, 2));
  shard.gives(0, 1, 10);
  shard.on_hold(Purpose::checkpoint, 0.0);
  shard.says(0, {.step = 10, .unsent = 0, .pending = true, .round = 1, .holding = true});
  ToldShard::Actions actions;
  SECTION("because the other site has nothing left to send") {
    actions = shard.says(1, {.step = 10, .unsent = 0, .base = 0, .holding = true});
    CHECK(sent<Cancel>(actions, 1).size() == 1);
  }
  SECTION("because the other site has fallen silent") {
    shard.now_s = 9.0;
    CHECK(shard.says(0, {.step = 10, .unsent = 0, .pending = true, .round = 1, .holding = true}).empty());
    actions = shard.waits_until(10.0);
  }
  SECTION("because what the other site sent was refused") {
    shard.says(1, {.step = 10, .unsent = 0, .pending = true, .round = 1, .holding = true});
    actions = shard.gives(1, ToldShard::contribution(1, 10), false);
  }
  CHECK(only<DiscardPayload>(actions).back().payload == 101);
  CHECK(sent<FateNotice>(actions, 0).at(0).fate == Fate{1, Outcome::dropped, {}});
  CHECK(commits(actions).empty());
  CHECK_FALSE(shard.is_quiet());  // site 0 has yet to hear it
}

TEST_CASE("finish: once all stand still, one last round merges what is unsent") {
  ToldShard shard(shard_options(3, 1));
  for (int site : {0, 1, 2}) shard.says(site, {.step = 4, .unsent = 4});
  CHECK(shard.on_hold(Purpose::finish, 0.0).empty());
  CHECK(shard.says(0, {.step = 4, .unsent = 4, .holding = true}).empty());
  CHECK(shard.says(1, {.step = 5, .unsent = 0, .holding = true}).empty());
  auto actions = shard.says(2, {.step = 5, .unsent = 5, .holding = true});
  CHECK(sent<Pull>(actions, 0).size() == 1);
  CHECK(sent<Pull>(actions, 1).empty());
  CHECK(sent<Pull>(actions, 2).size() == 1);
  CHECK_FALSE(shard.is_quiet());

  CHECK(commits(shard.gives(0, 1, 4)).empty());  // K = 1, but this one waits for all
  shard.says(2, {.step = 5, .unsent = 0, .pending = true, .round = 1, .holding = true});
  actions = shard.gives(2, 1, 5);
  CHECK(sites_of(commits(actions).at(0)) == std::vector{0, 2});

  for (int site : {0, 1, 2})
    shard.says(site, {.step = 5, .unsent = 0, .base = 1, .round = 1, .holding = true});
  CHECK(shard.is_quiet());
  CHECK(
      sent<Pull>(shard.says(0, {.step = 5, .unsent = 3, .base = 1, .round = 1, .holding = true}), 0).empty());
}

TEST_CASE("finish: where nobody has anything unsent there is no last round") {
  ToldShard shard(shard_options(2, 1));
  shard.on_hold(Purpose::finish, 0.0);
  for (int site : {0, 1}) CHECK(shard.says(site, {.step = 4, .unsent = 0, .holding = true}).empty());
  CHECK(shard.is_quiet());
}

TEST_CASE("finish: the last round comes after the open one, when its version is adopted") {
  auto shard = open_round(shard_options(2, 2));
  shard.gives(0, 1, 10);
  CHECK(shard.on_hold(Purpose::finish, 0.0).empty());
  for (int site : {0, 1}) {
    shard.says(site, {.step = 12, .unsent = 2, .pending = true, .round = 1, .holding = true});
  }
  CHECK(commits(shard.gives(1, 1, 10)).size() == 1);
  // Both keep what they trained since (rebase).
  CHECK(shard.says(0, {.step = 12, .unsent = 2, .base = 1, .round = 1, .holding = true}).empty());
  auto const actions = shard.says(1, {.step = 12, .unsent = 2, .base = 1, .round = 1, .holding = true});
  for (int site : {0, 1}) CHECK(sent<Pull>(actions, site).at(0).round == 2);
  shard.gives(0, 2, 2, 1);
  CHECK(commits(shard.gives(1, 2, 2, 1)).at(0).version == Version{0, 2});
}

TEST_CASE("finish: an open round without contributions goes on too") {
  auto shard = open_round(shard_options(1, 1));
  CHECK(shard.on_hold(Purpose::finish, 0.0).empty());
  shard.says(0, {.step = 10, .unsent = 0, .pending = true, .round = 1, .holding = true});
  CHECK(commits(shard.gives(0, 1, 10)).size() == 1);
}

TEST_CASE("finish: the last round waits for a site that keeps silent dead_after_s at most") {
  ToldShard shard(shard_options(2, 1));
  shard.on_hold(Purpose::finish, 0.0);
  for (int site : {0, 1}) shard.says(site, {.step = 4, .unsent = 4, .holding = true});
  shard.now_s = 8.0;
  CHECK(commits(shard.gives(0, 1, 4)).empty());
  auto const still_there = [&](double time_s) {
    shard.now_s = time_s;
    shard.says(0, {.step = 4, .unsent = 0, .pending = true, .round = 1, .holding = true});
    return shard.says(1, {.step = 4, .unsent = 4, .holding = true});
  };
  CHECK(commits(still_there(9.0)).empty());
  CHECK(shard.next_timer_s() == 19.0);  // from the last movement, so that a slow link is not cut off
  CHECK(commits(still_there(17.9)).empty());
  auto const actions = shard.waits_until(19.0);
  CHECK(sites_of(commits(actions).at(0)) == std::vector{0});
  CHECK(commits(actions).at(0).absent == std::vector{1});
}

TEST_CASE("finish: a last round below its quorum commits nothing") {
  ToldShard shard(shard_options(2, 2));
  shard.on_hold(Purpose::finish, 0.0);
  shard.says(0, {.step = 4, .unsent = 4, .holding = true});
  shard.says(1, {.step = 4, .unsent = 0, .holding = true});
  auto const actions = shard.gives(0, 1, 4);
  CHECK(commits(actions).empty());
  CHECK(sent<FateNotice>(actions, 0).back().fate == Fate{1, Outcome::dropped, {}});
  shard.says(0, {.step = 4, .unsent = 4, .round = 1, .holding = true});
  CHECK(shard.is_quiet());
}

TEST_CASE(
    "finish: a site that does not come to rest is left behind after dead_after_s without any progress") {
  ToldShard shard(shard_options(2, 1));
  shard.says(1, {.step = 3, .unsent = 3});
  shard.on_hold(Purpose::finish, 0.0);
  shard.now_s = 1.0;
  shard.says(0, {.step = 4, .unsent = 4, .holding = true});
  shard.now_s = 8.0;
  shard.says(1, {.step = 4, .unsent = 4});  // lives, but trains
  shard.says(0, {.step = 4, .unsent = 4, .holding = true});
  CHECK(shard.next_timer_s() == 11.0);
  auto const actions = shard.waits_until(11.0);
  CHECK(sent<Pull>(actions, 0).size() == 1);
  CHECK(sent<Pull>(actions, 1).empty());
  CHECK(commits(shard.gives(0, 1, 4)).size() == 1);
}

TEST_CASE("finish: a site that comes to rest late is progress") {
  ToldShard shard(shard_options(3, 1));
  for (int site : {0, 1, 2}) shard.says(site, {.step = 3, .unsent = 3});
  shard.on_hold(Purpose::finish, 0.0);
  shard.now_s = 6.0;
  for (int site : {0, 1, 2}) shard.says(site, {.step = 4, .unsent = 4, .holding = site == 0});
  CHECK(shard.next_timer_s() == 16.0);
}

TEST_CASE("finish comes with a last round each time") {
  ToldShard shard(shard_options(1, 1));
  shard.says(0, {.step = 4, .unsent = 0, .holding = true});
  shard.on_hold(Purpose::finish, 0.0);
  REQUIRE(shard.is_quiet());
  shard.on_go(1.0);
  shard.says(0, {.step = 5, .unsent = 1});
  shard.on_hold(Purpose::finish, 2.0);
  CHECK(sent<Pull>(shard.says(0, {.step = 5, .unsent = 1, .holding = true}), 0).size() == 1);
}

TEST_CASE("finish: no timer is left once all is done") {
  ToldShard shard(shard_options(1, 1));
  shard.on_hold(Purpose::finish, 0.0);
  shard.says(0, {.step = 4, .unsent = 0, .holding = true});
  REQUIRE(shard.is_quiet());
  CHECK(shard.next_timer_s() == 10.0);  // the site's sign of life
  shard.waits_until(10.0);
  CHECK_FALSE(shard.next_timer_s().has_value());
  CHECK(shard.is_quiet());
}

TEST_CASE("a checkpoint can become a finish") {
  ToldShard shard(shard_options(1, 1));
  shard.on_hold(Purpose::checkpoint, 0.0);
  shard.says(0, {.step = 4, .unsent = 4, .holding = true});
  CHECK(shard.is_quiet());
  CHECK(sent<Pull>(shard.on_hold(Purpose::finish, 1.0), 0).size() == 1);
  CHECK_FALSE(shard.is_quiet());
}

TEST_CASE("a shard without fragments is at rest when its sites are") {
  auto options = shard_options(1, 1);
  options.outer.fragments = 0;
  ToldShard shard(options);
  shard.says(0, {.step = 30});
  CHECK(shard.clock() == 30);
  CHECK(shard.next_timer_s() == options.outer.dead_after_s);
  shard.on_hold(Purpose::finish, 0.0);
  CHECK_FALSE(shard.is_quiet());
  shard.says(0, {.step = 30, .holding = true});
  CHECK(shard.is_quiet());
}
