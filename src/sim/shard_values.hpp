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

  // Version 0 of the fragments that the shard begins with.
  ShardValues(Scenario const& scenario, Problem const& problem, int shard);

  // `payloads`: of the members, in their order.
  void commit(protocol::Commit const& commit, std::span<Bytes const> payloads);
  protocol::PayloadFacts facts_of(protocol::PayloadHandle payload, std::uint32_t fragment,
                                  Bytes const& contribution);

  // What sites decode, Theta and outer momentum, for a backup; and a fragment made of them. Of nothing:
  // version 0.
  Parcel replica(std::uint32_t fragment) const;
  void install(std::uint32_t fragment, std::uint64_t commits, Parcel const& replica);

  Bytes const& release(std::uint32_t fragment) const { return fragments_.at(fragment).release; }
  // What the last commit changed in what sites decode.
  Bytes const& difference(std::uint32_t fragment) const { return fragments_.at(fragment).difference; }
  // Of what sites decode from the release.
  base::Digest digest(std::uint32_t fragment) const { return fragments_.at(fragment).digest; }
  bool is_finite(std::uint32_t fragment) const;

 private:
  struct Fragment {
    std::vector<float> theta;
    outer::OuterOptimizer optimizer;
    std::optional<outer::VersionHistory> history;
    Bytes release, difference;  // the latter where releases are coded so
    base::Digest digest;
  };

  Fragment& make(std::uint32_t fragment);
  void renew_release(Fragment& fragment);
  void publish(Fragment& fragment, std::uint64_t commits);

  Scenario const& scenario_;
  Problem const& problem_;
  std::map<std::uint32_t, Fragment> fragments_;
  std::vector<float> room_;
};

}  // namespace atl::sim
