#include "sim/storm.hpp"

#include <algorithm>
#include <atomic>
#include <mutex>
#include <thread>

#include "sim/replay.hpp"

namespace atl::sim {

void StormReport::add(std::uint64_t seed, Outcome const& outcome) {
  ++seeds;
  events += outcome.events;
  faults += outcome.faults;
  fewest_events = std::min(fewest_events, outcome.events);
  fewest_faults = std::min(fewest_faults, outcome.faults);
  for (std::size_t kind = 0; kind < coverage.size(); ++kind) {
    for (std::size_t fault = 0; fault < fault_kinds; ++fault)
      coverage[kind][fault] += outcome.coverage[kind][fault];
  }
  digest.high ^= outcome.digest.high;
  digest.low ^= outcome.digest.low;
  for (auto const& [reason, times] : outcome.refused) refused[reason] += times;
  restarts += outcome.restarts;
  replays += outcome.replays;
  replayed_versions += outcome.replayed_versions;
  if (outcome.violation) failed.push_back({seed, *outcome.violation});
}

namespace {

// A run; and where it is taped, its replay. `from`: the snapshot that it went on from; null: it began.
Outcome run(World& world, Recorder* recorder, Scenario const& scenario, SavedRun const* from) {
  auto outcome = world.run();
  if (outcome.violation || !recorder) return outcome;
  auto const again = replay(scenario, recorder->take(), ~scenario.seed, from);
  if (!again.differences.empty())
    outcome.violation = {"8 a replay is the run", again.differences.front(), outcome.end_s};
  outcome.replays = 1;
  outcome.replayed_versions = again.versions;
  return outcome;
}

}  // namespace

Outcome run_seed(StormConfig const& config, std::uint64_t seed, Trace& trace) {
  auto const scenario = draw_scenario(config, seed);
  bool const is_taped = seed % config.storm.replay_every == 0;
  Recorder first(scenario.layout), second(scenario.layout);
  World world(scenario, trace, nullptr, is_taped ? &first : nullptr);
  auto outcome = run(world, is_taped ? &first : nullptr, scenario, nullptr);
  bool const goes_on = !outcome.violation && world.snapshot() && seed % config.storm.restart_every == 0;
  if (!goes_on) return outcome;
  auto const* from = &*world.snapshot();
  World after(scenario, trace, from, is_taped ? &second : nullptr);
  auto again = run(after, is_taped ? &second : nullptr, scenario, from);
  outcome.events += again.events;
  outcome.restarts = 1;
  outcome.replays += again.replays;
  outcome.replayed_versions += again.replayed_versions;
  outcome.violation = std::move(again.violation);
  if (outcome.violation) outcome.violation->invariant += " (7: after a restart)";
  return outcome;
}

StormReport run_seeds(StormConfig const& config, SeedRange seeds, int threads,
                      std::function<void(std::uint64_t)> const& done) {
  StormReport report;
  std::mutex mutex;
  std::atomic<std::uint64_t> next = seeds.first;
  auto const work = [&] {
    for (auto seed = next++; seed <= seeds.last; seed = next++) {
      Trace silent(false);
      auto const outcome = run_seed(config, seed, silent);
      std::lock_guard const lock(mutex);
      report.add(seed, outcome);
      if (done) done(report.seeds);
    }
  };
  auto const count =
      threads > 0 ? static_cast<unsigned>(threads) : std::max(1u, std::thread::hardware_concurrency());
  {
    std::vector<std::jthread> pool;
    for (unsigned i = 1; i < count; ++i) pool.emplace_back(work);
    work();
  }
  std::ranges::sort(report.failed, {}, &FailedSeed::seed);
  return report;
}

}  // namespace atl::sim
