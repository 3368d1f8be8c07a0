// Scenarios for tests: small, even, and without faults unless a test adds them.
#pragma once

#include "sim/world.hpp"

namespace atl::test {

inline sim::Scenario small_scenario(int sites = 2, int shards = 1) {
  sim::Scenario scenario;
  scenario.layout = {sites, shards};
  scenario.outer.fragments = 3;
  scenario.outer.interval_steps = 12;
  scenario.outer.quorum = 1;
  scenario.outer.receive = deck::Receive::rebase;
  scenario.outer.dead_after_s = 10.0;
  scenario.steps = 60;
  scenario.step_s.assign(static_cast<std::size_t>(sites), 1.0);
  scenario.links = {.latency_s = 0.1, .bytes_per_s = 1e6, .jitter = 1.0, .straggle_s = 20.0};
  return scenario;
}

inline sim::Outcome run(sim::Scenario const& scenario) {
  sim::Trace silent(false);
  return sim::World(scenario, silent).run();
}

}  // namespace atl::test
