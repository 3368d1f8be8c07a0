// Whole runs in virtual time: they end, they repeat, they learn, and each kind of fault is survived.
#include <algorithm>

#include "sim/storm.hpp"
#include "small_world.hpp"
#include "support/catch.hpp"

using namespace atl;
using namespace atl::sim;
using atl::test::run;
using atl::test::small_scenario;

namespace {

int count(Trace const& trace, std::string const& what) {
  return static_cast<int>(
      std::ranges::count_if(trace.lines(), [&](auto const& line) { return line.find(what) != line.npos; }));
}

}  // namespace

TEST_CASE("sites and shards on good links train to the end") {
  auto const [sites, shards] = GENERATE(std::pair{1, 1}, std::pair{2, 1}, std::pair{5, 3});
  Trace trace(true);
  auto const outcome = World(small_scenario(sites, shards), trace).run();
  CHECK_FALSE(outcome.violation);
  CHECK(count(trace, "commits fragment") >= 3 * 4);
  CHECK(count(trace, "leaves") == sites);
}

TEST_CASE("the numbers are real: sites that train together come near what they seek") {
  auto scenario = small_scenario(4);
  auto const after = [&](std::uint64_t steps) {
    scenario.steps = steps;
    return run(scenario).loss;
  };
  CHECK(after(120) < 0.2 * after(2));
}

TEST_CASE("a seed does the same every time, traced or not") {
  StormConfig const config;
  for (std::uint64_t seed : {3, 4, 5}) {
    Trace first(true), second(true), silent(false);
    auto const one = run_seed(config, seed, first);
    auto const two = run_seed(config, seed, second);
    auto const untraced = run_seed(config, seed, silent);
    CHECK(first.lines() == second.lines());
    CHECK(one.coverage == untraced.coverage);
    CHECK(one.events == untraced.events);
    CHECK(one.digest == untraced.digest);
    CHECK(one.loss == two.loss);
  }
}

TEST_CASE("each kind of fault is survived alone") {
  auto const kind =
      GENERATE(FaultKind::delay, FaultKind::duplicate, FaultKind::repeat, FaultKind::damage,
               FaultKind::poison, FaultKind::partition, FaultKind::stall, FaultKind::slow, FaultKind::loss);
  INFO(name(kind));
  auto scenario = small_scenario(3, 2);
  double const strength = kind == FaultKind::delay || kind == FaultKind::slow ? 4.0 : 0.5;
  scenario.faults = {{.kind = kind, .from_s = 14.3, .to_s = 38.8, .node = 1, .strength = strength}};
  auto const outcome = run(scenario);
  INFO((outcome.violation ? outcome.violation->what : ""));
  CHECK_FALSE(outcome.violation);
  CHECK(outcome.faults == 1);
}

TEST_CASE("a shard that stands still keeps its fragments waiting, not the sites") {
  auto scenario = small_scenario(2, 2);
  scenario.faults = {
      {.kind = FaultKind::stall, .from_s = 14.0, .to_s = 34.0, .node = scenario.layout.shard(1)}};
  Trace trace(true);
  CHECK_FALSE(World(scenario, trace).run().violation);
  int steps = 0;
  for (auto const& line : trace.lines()) {
    double const at_s = std::stod(line);
    bool const is_during = at_s > 15.0 && at_s < 33.0;
    if (is_during) CHECK(line.find("shard 1   commits") == line.npos);
    steps += is_during && line.find("reports of life") != line.npos;
  }
  CHECK(steps >= 2 * 17);
}

TEST_CASE("a site that is lost comes back with the next incarnation and takes part again") {
  auto scenario = small_scenario(2);
  scenario.faults = {{.kind = FaultKind::loss, .from_s = 14.0, .to_s = 24.0, .node = 0}};
  Trace trace(true);
  CHECK_FALSE(World(scenario, trace).run().violation);
  CHECK(count(trace, "contribution of fragment 0 to round") > 0);
  CHECK(count(trace, ": life 2, base") > 0);
}

TEST_CASE("an ambush waits for its message") {
  auto scenario = small_scenario(2);
  scenario.ambushes = {{.message = protocol::Message(protocol::Hold{}).index(),
                        .nth = 1,
                        .at_sender = false,
                        .fault = {.kind = FaultKind::stall, .to_s = 5.0}}};
  Trace trace(true);
  CHECK_FALSE(World(scenario, trace).run().violation);
  auto const line_of = [&](char const* what) {
    return std::ranges::find_if(trace.lines(),
                                [&](auto const& line) { return line.find(what) != line.npos; });
  };
  CHECK(line_of("*** stall begins") < line_of("<- shard 0: hold"));
  CHECK(line_of("*** stall begins") != trace.lines().end());
}

TEST_CASE("seeds run on several threads tell the same as on one") {
  StormConfig config;
  config.storm.min_events = 200;
  auto const one = run_seeds(config, {1, 12}, 1, {});
  auto const three = run_seeds(config, {1, 12}, 3, {});
  CHECK(one.events == three.events);
  CHECK(one.coverage == three.coverage);
  CHECK(three.seeds == 12);
}

TEST_CASE("a run goes on from a snapshot that nobody stood still for, with what was on its way") {
  auto scenario = small_scenario(3, 2);
  scenario.links = {.latency_s = 2.0, .bytes_per_s = 1e3, .jitter = 1.0, .straggle_s = 20.0};
  scenario.snapshots_s = {16.0, 27.5};
  Trace trace(true), after(true);
  World world(scenario, trace);
  CHECK_FALSE(world.run().violation);
  CHECK(count(trace, "seals a snapshot") == 2);
  REQUIRE(world.snapshot());
  std::size_t in_flight = 0;
  for (auto const& [shard, saved] : world.snapshot()->shards) in_flight += saved.in_flight.size();
  CHECK(in_flight > 0);

  CHECK_FALSE(World(scenario, after, &*world.snapshot()).run().violation);
  CHECK(count(after, "hello of life 2") > 0);
  CHECK(count(after, ": life 1, base") == 0);
  CHECK(count(after, "leaves") == 3);
}

TEST_CASE("a shard that is lost for good is replaced, and the run comes to its end") {
  auto scenario = small_scenario(3, 3);
  scenario.is_replicated = true;
  scenario.faults = {
      {.kind = FaultKind::shard_loss, .from_s = 20.0, .to_s = 1e9, .node = scenario.layout.shard(1)}};
  Trace trace(true);
  CHECK_FALSE(World(scenario, trace).run().violation);
  CHECK(count(trace, "shard 2   takes over fragment 1") == 1);
  CHECK(count(trace, "shard 2   commits fragment 1") > 0);
}
