// A site that is told to leave gives what it has trained first.
#include "support/catch.hpp"
#include "told_shard.hpp"
#include "trained_site.hpp"

using namespace atl::protocol;
using namespace atl::test;

namespace {

Progress of_site(std::uint64_t step, std::uint64_t unsent, bool leaving) {
  return {.incarnation = 1,
          .step = step,
          .step_s = 1.0,
          .holding = leaving,
          .leaving = leaving,
          .fragments = {{.fragment = 0, .base = {0, 0}, .unsent = {unsent, 100 * unsent}}}};
}

}  // namespace

TEST_CASE("a site that departs stands still, gives what it has, and leaves when it knows what became of it") {
  auto site = started_site({.fragments = 1});
  auto actions = site.train({Depart{}});
  CHECK(site.is_holding());
  CHECK(progress_of(actions).leaving);
  CHECK(only<Leave>(actions).empty());

  actions = site.stand({pull(1)});
  CHECK(only<Contribute>(actions).size() == 1);
  CHECK(only<Leave>(actions).empty());
  SECTION("merged") { CHECK(only<Leave>(site.stand({release(1, 1, merged(1))})).size() == 1); }
  SECTION("dropped: its work is unsent again, and asked for once more") {
    CHECK(only<Leave>(site.stand({notice(dropped(1))})).empty());
    CHECK(only<Contribute>(site.stand({pull(2)})).size() == 1);
  }
}

TEST_CASE("a site that has trained nothing departs at once, one that trains in step does not depart") {
  auto fresh = started_site({.fragments = 1});
  CHECK(only<Leave>(fresh.stand({Depart{}})).size() == 1);
  auto in_step = started_site({.fragments = 1, .rounds = SiteMachine::Rounds{.interval = 4}});
  CHECK(only<Leave>(in_step.stand({Depart{}})).empty());
  CHECK_FALSE(in_step.is_holding());
}

TEST_CASE("a fragment is due at once where a site departs, whose steps count for the clock no longer") {
  ToldShard shard(shard_options(2, 1));
  shard.on_progress(1, of_site(2, 2, false), 0.0);
  CHECK(pulled(shard.on_progress(0, of_site(5, 5, false), 0.0)).empty());
  CHECK(shard.clock() == 5);
  CHECK(pulled(shard.on_progress(0, of_site(5, 5, true), 0.0)) == std::vector{0, 1});
  CHECK(commits(shard.gives(0, 1, 5)).size() == 1);
  shard.on_progress(1, of_site(4, 4, false), 0.0);
  CHECK(shard.clock() == 7);  // two steps of site 1 further
}

TEST_CASE("nobody heals from a site that departs, and the end waits for it no longer") {
  auto options = shard_options(3, 1);
  options.last_step = 20;
  ToldShard shard(options);
  for (int const site : {0, 1}) shard.on_progress(site, of_site(20, 0, false), 0.0);
  shard.on_progress(2, of_site(7, 0, true), 0.0);
  CHECK(shard.slowest_step() == 20);
  CHECK(shard.welcome(0).donors == std::vector<std::uint32_t>{1});
}
