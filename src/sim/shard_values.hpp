// The numbers of a simulated shard: Theta and outer momentum of its fragments, and the outer step on them.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "base/digest.hpp"
#include "outer/outer_optimizer.hpp"
#include "outer/version_history.hpp"
#include "protocol/syncer_action.hpp"
#include "sim/problem.hpp"
#include "sim/scenario.hpp"

namespace atl::sim {

class ShardValues {
 public:
  using Bytes = std::shared_ptr<std::vector<std::byte> const>;

  // Version 0 of the shard's fragments.
  ShardValues(Scenario const& scenario, Problem const& problem, int shard);

  // `payloads`: of the members, in their order.
  void commit(protocol::Commit const& commit, std::span<Bytes const> payloads);
  protocol::PayloadFacts facts_of(protocol::PayloadHandle payload, std::uint32_t fragment,
                                  Bytes const& contribution);

  Bytes const& release(std::uint32_t fragment) const { return fragments_.at(fragment).release; }
  // Of releases coded so: what the last commit changed in what sites decode.
  Bytes const& difference(std::uint32_t fragment) const { return fragments_.at(fragment).difference; }
  // Of what sites decode from the release.
  base::Digest digest(std::uint32_t fragment) const { return fragments_.at(fragment).digest; }
  bool is_finite(std::uint32_t fragment) const;

 private:
  struct Fragment {
    std::vector<float> theta;
    outer::OuterOptimizer optimizer;
    std::optional<outer::VersionHistory> history;
    Bytes release, difference;
    base::Digest digest;
  };

  void publish(Fragment& fragment, std::uint64_t commits, std::vector<std::byte> release);
  std::vector<std::byte> next_release(Fragment& fragment);

  Scenario const& scenario_;
  Problem const& problem_;
  std::map<std::uint32_t, Fragment> fragments_;
  std::vector<float> room_;
};

}  // namespace atl::sim
