// What is lost on its way, and made up for: nobody asks for a frame again.
#include "base/memory_archive.hpp"
#include "support/catch.hpp"
#include "told_shard.hpp"

using namespace atl;
using namespace atl::protocol;
using namespace atl::test;

TEST_CASE("a release that is not adopted within dead_after_s is sent again, as the newest and whole") {
  ToldShard shard(shard_options(1, 1));
  shard.now_s = 9.0;
  CHECK(only<SendRelease>(shard.on_progress(0, {.incarnation = 1, .heals = true, .fragments = {}}, 9.0))
            .empty());
  shard.now_s = 10.5;
  auto const again =
      only<SendRelease>(shard.on_progress(0, {.incarnation = 1, .heals = true, .fragments = {}}, 10.5));
  REQUIRE(again.size() == 1);
  CHECK_FALSE(again[0].release.since);
  CHECK(only<SendRelease>(shard.on_progress(0, {.incarnation = 1, .heals = true, .fragments = {}}, 11.0))
            .empty());
}

TEST_CASE("a site that was silent has dead_after_s anew for what was sent to it") {
  ToldShard shard(shard_options(1, 1));
  shard.waits_until(30.0);
  shard.now_s = 31.0;
  CHECK(only<SendRelease>(shard.on_progress(0, {.incarnation = 1, .fragments = {}}, 31.0)).empty());
}

TEST_CASE("a contribution that was announced and does not come is dropped, and its round given up") {
  auto shard = open_round(shard_options(2, 2));
  shard.gives(0, 1, 10);
  Word const waits{.step = 11, .unsent = 0, .pending = true, .round = 1};
  shard.says(0, waits);
  shard.now_s = 1.0;
  CHECK(shard.says(1, waits).empty());
  shard.now_s = 10.5;
  shard.says(0, waits);
  CHECK(shard.says(1, waits).empty());  // announced at 1 s

  shard.now_s = 11.0;
  auto const actions = shard.says(1, waits);
  for (int site : {0, 1}) {
    auto const told = sent<FateNotice>(actions, site);
    REQUIRE(told.size() == 1);
    CHECK(told[0].fate == Fate{1, Outcome::dropped, Reason::none});
  }
  // Once only; and what comes after all is thrown away.
  CHECK(shard.says(1, waits).empty());
  auto const late = shard.gives(1, 1, 10);
  CHECK(late.size() == 1);
  CHECK(only<DiscardPayload>(late).size() == 1);

  // Both are asked again in their next round.
  Word const goes_on{.step = 25, .unsent = 25, .round = 1};
  shard.says(0, goes_on);
  CHECK(pulled(shard.says(1, goes_on)) == std::vector{0, 1});
}

TEST_CASE("a contribution that has come is not taken for lost, however long its round is open") {
  auto shard = open_round(shard_options(2, 2));
  Word const waits{.step = 11, .unsent = 0, .pending = true, .round = 1};
  shard.gives(0, 1, 10);
  for (double time_s = 1.0; time_s < 40.0; time_s += 3.0) {
    shard.now_s = time_s;
    CHECK(sent<FateNotice>(shard.says(0, waits), 0).empty());
  }
}

TEST_CASE("a replica that is not acknowledged within dead_after_s is sent again") {
  auto options = shard_options(1, 1);
  options.shards = 2;
  options.replicated = true;
  SyncerMachine shard(options);
  CHECK(only<SendReplica>(shard.on_admitted(0, 1, 0.0)).size() == 1);
  CHECK(only<SendReplica>(shard.on_shard(1, Alive{}, 0, 9.0)).empty());
  CHECK(only<SendReplica>(shard.on_shard(1, Alive{}, 0, 10.0)).size() == 1);
  CHECK(only<SendRelease>(shard.on_shard(1, ReplicaAck{.fragment = 0, .version = {}}, 0, 11.0)).size() == 1);
  CHECK(only<SendReplica>(shard.on_shard(1, Alive{}, 0, 30.0)).empty());
}

TEST_CASE("what a shard goes on with after a restart is not taken for lost") {
  auto before = open_round(shard_options(2, 2));
  before.gives(0, 1, 10);
  auto const values = base::saved(static_cast<SyncerMachine const&>(before));
  SyncerMachine shard(shard_options(2, 2));
  shard.load(base::MemoryReader(values), 0.0);
  Progress progress{.incarnation = 2, .step = 11, .step_s = 1.0, .fragments = {}};
  progress.fragments.push_back(
      {.fragment = 0, .unsent = {1, 100}, .pending = 1, .round = 1, .open_round = 1});
  shard.on_admitted(0, 2, 0.0);
  std::size_t notices = 0;
  for (double time_s : {1.0, 9.0, 17.0})
    notices += sent<FateNotice>(shard.on_progress(0, progress, time_s), 0).size();
  CHECK(notices == 0);
}

TEST_CASE("where payloads take long, they are not taken for lost") {
  ToldShard shard(shard_options(1, 1));
  for (double time_s : {1.0, 5.0, 9.0})
    shard.on_progress(0, {.incarnation = 1, .heals = true, .fragments = {}}, shard.now_s = time_s);
  shard.now_s = 9.5;  // version 0 was sent at 0 s
  shard.says(0, {.step = 10, .unsent = 10});
  Word const waits{.step = 11, .unsent = 0, .pending = true, .round = 1};
  for (double time_s = 10.0; time_s < 47.0; time_s += 3.0) {
    shard.now_s = time_s;
    CHECK(sent<FateNotice>(shard.says(0, waits), 0).empty());
  }
  shard.now_s = 48.5;
  CHECK(sent<FateNotice>(shard.says(0, waits), 0).size() == 1);
}
