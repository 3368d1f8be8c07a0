// Simulated runs with their tapes, and a way to alter them.
#pragma once

#include <functional>
#include <vector>

#include "sim/recorder.hpp"
#include "small_world.hpp"
#include "support/catch.hpp"

namespace atl::test {

inline sim::Recording record(sim::Scenario const& scenario) {
  sim::Trace silent(false);
  sim::Recorder recorder(scenario.layout);
  REQUIRE_FALSE(sim::World(scenario, silent, nullptr, &recorder).run().violation);
  return recorder.take();
}

// One site is lost and heals, and what another sends is spoilt now and then.
inline sim::Scenario with_loss() {
  auto scenario = small_scenario(3, 2);
  scenario.outer.codec = deck::Codec::int4;
  scenario.outer.release_codec = deck::Codec::int8;
  scenario.outer.anchor = deck::Anchor::current;
  scenario.faults = {
      {.kind = sim::FaultKind::loss, .from_s = 14.0, .to_s = 24.0, .node = 0},
      {.kind = sim::FaultKind::poison, .from_s = 3.0, .to_s = 40.0, .node = 1, .strength = 0.5},
  };
  return scenario;
}

// A shard is lost, and its backup goes on with its fragments.
inline sim::Scenario with_takeover() {
  auto scenario = small_scenario(3, 3);
  scenario.is_replicated = true;
  scenario.faults = {
      {.kind = sim::FaultKind::shard_loss, .from_s = 20.0, .to_s = 1e9, .node = scenario.layout.shard(1)}};
  return scenario;
}

// The last entry of a kind on any of the tapes that satisfies `is_it`, for a test to alter.
template <class Entry>
Entry& find(std::vector<protocol::TapedLife>& lives, std::function<bool(Entry const&)> const& is_it) {
  Entry* found = nullptr;
  for (auto& life : lives) {
    for (auto& entry : life.entries) {
      auto* const match = std::get_if<Entry>(&entry);
      if (match && is_it(*match)) found = match;
    }
  }
  REQUIRE(found);
  return *found;
}

}  // namespace atl::test
