// A shard for tests, with words for what sites say to it. Fragment 0 unless another is named; a step has 100
// tokens.
#pragma once

#include <algorithm>
#include <vector>

#include "actions.hpp"
#include "protocol/syncer_machine.hpp"

namespace atl::test {

// What a site says of fragment 0. Everything else is told explicitly.
struct Word {
  std::uint64_t step = 0;
  std::uint64_t unsent = 0;  // steps
  std::uint64_t base = 0;    // commits
  bool pending = false;
  std::uint64_t round = 0;  // done with
  bool holding = false;
  double step_s = 1.0;
};

class ToldShard : public protocol::SyncerMachine {
 public:
  using Actions = std::vector<protocol::SyncerAction>;

  explicit ToldShard(Options options) : SyncerMachine(options), options_(options) {
    for (int site = 0; site < options.sites; ++site) on_admitted(site, 1, now_s);
  }

  Actions says(int site, Word const& word) {
    protocol::Progress progress{
        .incarnation = 1, .step = word.step, .step_s = word.step_s, .holding = word.holding, .fragments = {}};
    if (options_.outer.fragments > 0) {
      progress.fragments.push_back({.fragment = 0,
                                    .base = {0, word.base},
                                    .unsent = {word.unsent, 100 * word.unsent},
                                    .pending = word.pending ? std::max<std::uint64_t>(1, word.round) : 0,
                                    .round = word.round});
    }
    return on_progress(site, progress, now_s);
  }

  static protocol::Contribution contribution(std::uint64_t round, std::uint64_t steps,
                                             std::uint64_t base = 0) {
    return {.fragment = 0,
            .round = round,
            .incarnation = 1,
            .base = {0, base},
            .step = 1000,
            .work = {steps, 100 * steps}};
  }
  // Payloads are numbered 100 * (site + 1) + round.
  Actions gives(int site, protocol::Contribution const& contribution, bool finite = true) {
    auto const payload = static_cast<protocol::PayloadHandle>(100 * (site + 1)) + contribution.round;
    return on_contribution(site, contribution, {.payload = payload, .finite = finite}, now_s);
  }
  Actions gives(int site, std::uint64_t round, std::uint64_t steps, std::uint64_t base = 0) {
    return gives(site, contribution(round, steps, base));
  }
  Actions waits_until(double time_s) {
    now_s = time_s;
    return on_timer(now_s);
  }

  double now_s = 0.0;

 private:
  Options options_;
};

// K of `sites`; one fragment, due every 10 steps; no grace; dead after 10 s.
inline ToldShard::Options shard_options(int sites, int quorum) {
  ToldShard::Options options{.sites = sites, .max_tokens_per_step = 100, .outer = {}};
  options.outer.quorum = quorum;
  options.outer.fragments = 1;
  options.outer.interval_steps = 10;
  options.outer.grace = deck::GraceKind::none;
  options.outer.dead_after_s = 10.0;
  options.outer.max_staleness = 4;
  return options;
}

// Sites that have trained 10 steps from version 0, so that the first round is open.
inline ToldShard open_round(ToldShard::Options const& options) {
  ToldShard shard(options);
  for (int site = 0; site < options.sites; ++site) shard.says(site, {.step = 10, .unsent = 10});
  return shard;
}

// The sites that are sent a pull.
inline std::vector<int> pulled(ToldShard::Actions const& actions) {
  std::vector<int> sites;
  for (auto const& send : only<protocol::SendToSite>(actions)) {
    if (std::holds_alternative<protocol::Pull>(send.message)) sites.push_back(send.site);
  }
  return sites;
}

inline std::vector<protocol::Commit> commits(ToldShard::Actions const& actions) {
  return only<protocol::Commit>(actions);
}

inline std::vector<int> sites_of(protocol::Commit const& commit) {
  std::vector<int> sites;
  for (auto const& member : commit.members) sites.push_back(member.site);
  return sites;
}

}  // namespace atl::test
