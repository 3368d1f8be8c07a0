// One simulated run: everything that its seed decides.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "deck/config.hpp"
#include "sim/config.hpp"
#include "sim/fault.hpp"
#include "sim/network.hpp"

namespace atl::sim {

// A fault that begins when a message of a kind is sent for the n-th time, at one of its ends: the kinds that
// are sent seldom would hardly meet one by chance.
struct Ambush {
  std::size_t message = 0;  // index in protocol::Message
  std::uint64_t nth = 1;
  bool at_sender = true;
  Fault fault;  // from 0 on, at a node to be named
};

struct Scenario {
  std::uint64_t seed = 1;
  Layout layout;
  deck::Method method = deck::Method::decoupled;
  deck::OuterSection outer;  // as the method applies it
  std::uint64_t steps = 60;  // on the clock, or of every site with `stops_each`; then the run finishes
  bool stops_each = false;
  bool is_replicated = false;          // the next shard holds what each publishes
  std::uint64_t checkpoint_every = 0;  // on the clock; 0: never
  std::vector<double> snapshots_s{};   // when one is begun, without rest
  std::vector<double> step_s;          // by site
  LinkOptions links;
  std::vector<Fault> faults;
  std::vector<Ambush> ambushes;
  double calm_s = 0.0;  // nothing befalls anyone from then on, but for what lasts for ever

  bool is_synchronous() const { return method != deck::Method::decoupled; }
  bool ends_by_itself() const { return is_synchronous() || stops_each; }
  // Longer than any step or any time that something healthy may take: what limits are made of.
  double slowest_step_s() const;
  // Within which K healthy sites and a healthy shard commit every fragment.
  double progress_window_s() const;
  std::string text() const;  // in words, a line a topic
};

Scenario draw_scenario(StormConfig const& config, std::uint64_t seed);

// A site that stands still says so this often.
inline constexpr double heartbeat_s = 0.5;
inline constexpr std::uint64_t max_tokens_per_step = 16;
// Of the whole site, in a step of its own.
constexpr std::uint64_t tokens_of(int site, std::uint64_t step) {
  return 10 + (7 * step + static_cast<std::uint64_t>(site)) % 5;
}

}  // namespace atl::sim
