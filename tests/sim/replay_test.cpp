// A replay is the run (invariant 8): whatever befell it, under any timing, and not with an altered tape.
#include "sim/replay.hpp"

#include "recorded.hpp"
#include "sim/storm.hpp"

using namespace atl;
using namespace atl::protocol;
using namespace atl::sim;
using atl::test::find;
using atl::test::record;
using atl::test::small_scenario;
using atl::test::with_loss;
using atl::test::with_takeover;

namespace {

std::vector<std::string> differences(Scenario const& scenario, Recording const& recording) {
  return replay(scenario, recording, 1).differences;
}

template <class Entry>
std::size_t count(std::vector<TapedLife> const& lives) {
  std::size_t all = 0;
  for (auto const& life : lives) all += life.only<Entry>().size();
  return all;
}

}  // namespace

TEST_CASE("a replay is the run, though a site is lost and heals and contributions are spoilt") {
  auto const scenario = with_loss();
  auto const recording = record(scenario);
  CHECK(recording.sites.size() == 4);
  CHECK(recording.poison.size() > 2);
  auto const again = replay(scenario, recording, 1);
  CHECK(again.differences.empty());
  CHECK(again.lives == 4);
  CHECK(again.boundaries == count<TapedBoundary>(recording.sites));
  CHECK(again.versions == 3 + count<TapedCommit>(recording.shards));
}

TEST_CASE("a replay is the run, though its fragments change hands") {
  auto const scenario = with_takeover();
  auto const recording = record(scenario);
  auto const taken = recording.shards[2].only<TapedTaken>();
  REQUIRE(taken.size() == 1);
  CHECK(taken.front().needs_replica());
  auto const again = replay(scenario, recording, 1);
  CHECK(again.differences.empty());
  CHECK(again.versions == 3 + 1 + count<TapedCommit>(recording.shards));
}

TEST_CASE("replays in step are the run too") {
  auto scenario = small_scenario(3, 2);
  scenario.method = deck::Method::streaming;
  scenario.outer.quorum = 3;
  scenario.outer.overlap_steps = 2;
  scenario.outer.receive = deck::Receive::blend;
  CHECK(differences(scenario, record(scenario)).empty());
}

TEST_CASE("a run that goes on from a snapshot is replayed from there, with what was on its way") {
  auto scenario = small_scenario(3, 2);
  scenario.links = {.latency_s = 2.0, .bytes_per_s = 1e3, .jitter = 1.0, .straggle_s = 20.0};
  scenario.outer.codec = deck::Codec::int8;
  scenario.snapshots_s = {27.5};
  Trace silent(false);
  World world(scenario, silent);
  REQUIRE_FALSE(world.run().violation);
  REQUIRE(world.snapshot());
  auto const* from = &*world.snapshot();
  Recorder recorder(scenario.layout);
  REQUIRE_FALSE(World(scenario, silent, from, &recorder).run().violation);
  auto recording = recorder.take();
  CHECK(recording.shards[0].start.in_flight.size() + recording.shards[1].start.in_flight.size() > 0);
  CHECK(recording.sites[0].start.step > 0);
  CHECK(replay(scenario, recording, 1, from).differences.empty());
  for (auto& shard : recording.shards) shard.start.in_flight.clear();
  CHECK_FALSE(replay(scenario, recording, 1, from).differences.empty());
}

TEST_CASE("runs under two timings differ, and replays of one do not") {
  auto scenario = small_scenario(3, 2);
  auto const recording = record(scenario);
  auto const one = replay(scenario, recording, 1);
  auto const two = replay(scenario, recording, 2);
  CHECK(one.differences.empty());
  CHECK(two.differences.empty());
  CHECK_FALSE(one.traffic == two.traffic);

  scenario.step_s = {1.0, 1.3, 0.9};
  auto const other = record(scenario);
  auto const thetas = [](Recording const& of) {
    std::vector<base::Digest> all;
    for (auto const& commit : of.shards[0].only<TapedCommit>()) all.push_back(commit.made.theta);
    return all;
  };
  CHECK(thetas(recording) != thetas(other));
  CHECK(differences(scenario, other).empty());
}

TEST_CASE("a tape with one altered number is found out") {
  auto const scenario = GENERATE(with_loss(), with_takeover());
  auto const recording = record(scenario);
  auto const is_found = [&](auto const& alter) {
    auto altered = recording;
    alter(altered);
    return !differences(scenario, altered).empty();
  };
  auto const any = [](auto const&) { return true; };
  auto const boundary = [&](Recording& of) -> TapedBoundary& {
    return find<TapedBoundary>(of.sites, [](auto const& each) { return each.step.has_value(); });
  };
  auto const commit = [&](Recording& of) -> TapedCommit& {
    return find<TapedCommit>(of.shards, [](auto const& each) { return each.members.size() > 1; });
  };
  CHECK(is_found([&](Recording& of) { boundary(of).step->loss += 1e-9; }));
  CHECK(is_found([&](Recording& of) { ++boundary(of).step->tokens; }));
  CHECK(is_found([&](Recording& of) { ++boundary(of).after.low; }));
  CHECK(is_found([&](Recording& of) { boundary(of).step.reset(); }));
  CHECK(is_found([&](Recording& of) { ++find<TapedBase>(of.sites, any).base.low; }));
  CHECK(is_found([&](Recording& of) { ++find<TapedParameters>(of.sites, any).parameters.low; }));
  CHECK(is_found([&](Recording& of) { ++commit(of).made.theta.low; }));
  CHECK(is_found([&](Recording& of) { ++commit(of).made.version.commits; }));
  CHECK(is_found([&](Recording& of) { commit(of).members.front().weight *= 1.01; }));
  CHECK(is_found([&](Recording& of) { ++commit(of).members.front().from.contribution.round; }));
  CHECK(is_found([&](Recording& of) { commit(of).members.pop_back(); }));
}

TEST_CASE("a tape that takes a fragment over from another version is found out") {
  auto const scenario = with_takeover();
  auto recording = record(scenario);
  auto& taken = find<TapedTaken>(recording.shards, [](auto const&) { return true; });
  auto const change = GENERATE(-1, 1, 1000);
  taken.from.commits += static_cast<std::uint64_t>(change);
  CHECK_FALSE(differences(scenario, recording).empty());
}

TEST_CASE("what shards that change hands and sites that return have taped is read as it was written") {
  auto const scenario = GENERATE(with_loss(), with_takeover());
  auto const recording = record(scenario);
  for (auto const* lives : {&recording.sites, &recording.shards}) {
    for (auto const& life : *lives) {
      for (auto const& entry : life.entries) CHECK(encode(decode_entry(encode(entry))) == encode(entry));
      auto const start = encode(TapeEntry(life.start));
      CHECK(encode(decode_entry(start)) == start);
    }
  }
}

TEST_CASE("every so many seeds of a storm are replayed, and are the same runs as without") {
  StormConfig config;
  config.storm.min_events = 200;
  config.storm.replay_every = 3;
  auto const report = run_seeds(config, {1, 12}, 2, {});
  CHECK(report.failed.empty());
  CHECK(report.replays == 4);
  CHECK(report.replayed_versions > 40);
  config.storm.replay_every = 1000;
  CHECK(run_seeds(config, {1, 12}, 2, {}).digest == report.digest);
}
