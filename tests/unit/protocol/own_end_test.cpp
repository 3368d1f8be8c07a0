// run.stop = "each": every site takes the same number of steps of its own.
#include "support/catch.hpp"
#include "told_shard.hpp"
#include "trained_site.hpp"

using namespace atl;
using namespace atl::protocol;
using namespace atl::test;

namespace {

ToldShard::Options ending_at(std::uint64_t last_step, int sites, int quorum) {
  auto options = shard_options(sites, quorum);
  options.last_step = last_step;
  return options;
}

}  // namespace

TEST_CASE("a site at its end takes no step, but still answers pulls and adopts") {
  auto site = started_site({.fragments = 1, .receive = deck::Receive::rebase, .last_step = 3});
  site.train_for(2);
  CHECK_FALSE(site.is_holding());
  CHECK(progress_of(site.train()).holding);
  CHECK(site.is_holding());
  CHECK_FALSE(site.is_waiting());
  CHECK(contributed(site.stand({pull(1)})).size() == 1);
  CHECK(only<Adopt>(site.stand({release(1, 1, merged(1))})).size() == 1);
  CHECK(site.ledger(0).merged == work(3));
  site.stand({Hold{.id = 1}});
  site.stand({Go{.id = 1}});
  CHECK(site.is_holding());
}

TEST_CASE("once the fast site has ended, the clock follows the slow one, on from where it is") {
  ToldShard shard(ending_at(20, 2, 1));
  shard.says(1, {.step = 8, .unsent = 8});
  shard.says(0, {.step = 19, .unsent = 0});
  CHECK(shard.clock() == 19);
  shard.says(0, {.step = 20, .unsent = 0, .holding = true});
  CHECK(shard.clock() == 19);
  CHECK(shard.slowest_step() == 8);
  shard.says(1, {.step = 11, .unsent = 11});
  CHECK(shard.clock() == 22);

  // So the slow site's work goes on being merged, once an interval.
  CHECK(commits(shard.gives(1, 1, 8)).size() == 1);
  shard.says(1, {.step = 12, .unsent = 1, .base = 1, .round = 1});
  CHECK(pulled(shard.says(1, {.step = 18, .unsent = 7, .base = 1, .round = 1})).empty());
  CHECK(pulled(shard.says(1, {.step = 19, .unsent = 8, .base = 1, .round = 1})) == std::vector{1});
}

TEST_CASE("the run can end when all live sites have ended") {
  ToldShard shard(ending_at(20, 2, 2));
  shard.says(0, {.step = 20, .unsent = 2, .holding = true});
  shard.says(1, {.step = 19, .unsent = 1});
  CHECK(shard.slowest_step() == 19);
  shard.says(1, {.step = 20, .unsent = 2, .holding = true});
  CHECK(shard.slowest_step() == 20);
  CHECK(shard.clock() == 20);
}

TEST_CASE("an ended site with unsent work is asked like any other") {
  ToldShard shard(ending_at(20, 2, 1));
  shard.says(1, {.step = 9, .unsent = 9});
  CHECK(shard.says(0, {.step = 20, .unsent = 3, .holding = true}).empty());
  CHECK(pulled(shard.says(1, {.step = 10, .unsent = 10})) == std::vector{0, 1});
}

TEST_CASE("a site that has not come yet keeps the run from ending, one that was lost before does not") {
  ToldShard::Options options = ending_at(20, 2, 1);
  SyncerMachine shard(options);
  shard.on_admitted(0, 1, 0.0);
  shard.on_progress(0, {.incarnation = 1, .step = 20, .holding = true}, 0.0);
  CHECK(shard.slowest_step() == 0);
  shard.on_site_lost(1, 0.0);
  CHECK(shard.slowest_step() == 20);
}
