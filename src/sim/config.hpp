// What a storm deck says: from which ranges a seed draws its run and its faults.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "deck/config.hpp"

namespace atl::sim {

template <class T>
using Span = std::array<T, 2>;  // lowest and highest, both drawn

struct StormSection {
  std::vector<deck::Method> method = {deck::Method::decoupled};
  Span<int> sites = {2, 16};
  Span<int> shards = {1, 4};
  Span<int> intervals = {5, 14};      // length of the run, in H
  std::uint64_t min_events = 2000;    // a run is at least so long that so many are to be expected
  double stops_each = 0.2;            // share of the seeds in which every site takes steps of its own number
  double replicated = 0.5;            // share of the seeds with several shards that have backups
  double checkpoints = 0.4;           // share of the seeds that stop for checkpoints
  double snapshots = 0.3;             // share of the seeds without backups that take snapshots without rest
  std::uint64_t restart_every = 100;  // of how many seeds one goes on from its last snapshot, as a second run
  std::uint64_t replay_every = 100;   // of how many seeds one is told again from its tapes
  Span<double> step_s = {0.2, 2.0};   // of a site, without faults
  bool operator==(StormSection const&) const = default;
};

// Of the deck that a seed draws; names as in [outer] of a run.
struct StormOuterSection {
  Span<int> fragments = {1, 48};
  Span<int> interval_steps = {4, 24};
  Span<int> overlap_steps = {0, 4};
  Span<double> quorum_share = {0.1, 1.0};  // of the sites
  std::vector<deck::GraceKind> grace = {deck::GraceKind::adaptive, deck::GraceKind::none,
                                        deck::GraceKind::fixed};
  std::vector<deck::Receive> receive = {deck::Receive::overwrite, deck::Receive::blend,
                                        deck::Receive::rebase};
  std::vector<deck::Late> late = {deck::Late::drop, deck::Late::carry};
  std::vector<deck::MergeKind> merge = {deck::MergeKind::rda, deck::MergeKind::average};
  std::vector<deck::Anchor> anchor = {deck::Anchor::base, deck::Anchor::current};
  std::vector<deck::Codec> codec = {deck::Codec::fp32, deck::Codec::bf16};
  std::vector<deck::Codec> release_codec = {deck::Codec::fp32, deck::Codec::bf16};
  Span<int> in_flight = {1, 4};
  Span<int> max_staleness = {0, 6};
  double norm_gate = 0.5;                       // share of the seeds with one
  Span<double> gate_z = {4.0, 8.0};             // of it
  Span<double> dead_after_steps = {4.0, 12.0};  // of the slowest site
  bool operator==(StormOuterSection const&) const = default;
};

struct StormLinksSection {
  Span<double> latency_steps = {0.0, 0.4};        // of a fast site
  Span<double> bandwidth_kbit_s = {4.0, 4000.0};  // payloads are small
  Span<double> jitter = {0.0, 3.0};
  bool operator==(StormLinksSection const&) const = default;
};

// How often each kind comes relative to the others (0: never), and how bad it is.
struct StormFaultsSection {
  Span<int> count = {6, 20};    // per run
  Span<int> ambushes = {2, 8};  // of them further ones, which begin when a certain message is sent
  double delay = 1.0;
  double duplicate = 1.0;
  double repeat = 1.0;
  double damage = 1.0;
  double poison = 1.0;
  double partition = 1.0;
  double stall = 1.0;
  double slow = 1.0;
  double loss = 1.0;
  double shard_loss = 1.0;
  double notice = 0.5;
  double together = 0.3;                   // share of the faults that come with the one before
  double to_the_end = 0.3;                 // share of the seeds whose faults do not stop before the run does
  double for_ever = 0.1;                   // share of the losses that nobody comes back from
  Span<double> lasts_steps = {1.0, 30.0};  // of the slowest site
  Span<double> delay_steps = {0.5, 10.0};  // by how much a frame is late
  Span<double> share = {0.02, 0.4};        // of the frames that are doubled, damaged, ...
  Span<double> slowdown = {1.5, 8.0};      // of steps
  bool operator==(StormFaultsSection const&) const = default;
};

struct StormConfig {
  StormSection storm;
  StormOuterSection outer;
  StormLinksSection links;
  StormFaultsSection faults;
  bool operator==(StormConfig const&) const = default;
};

}  // namespace atl::sim
