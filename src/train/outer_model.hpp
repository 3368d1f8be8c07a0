// The outer parameters of one shard: Theta and outer momentum of the fragments it owns, and the outer step on
// them.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <vector>

#include "base/archive.hpp"
#include "base/digest.hpp"
#include "outer/outer_optimizer.hpp"
#include "outer/version_history.hpp"
#include "protocol/syncer_action.hpp"
#include "protocol/tape.hpp"
#include "train/checkpoints.hpp"
#include "train/run_plan.hpp"
#include "transport/transport.hpp"

namespace atl::train {

class OuterModel {
 public:
  // Of this shard's fragments (p mod shards == shard), without values: initialize() or load() follows.
  OuterModel(RunPlan const& plan, int shard);
  // Version 0: the initial parameters.
  void initialize();

  // Theta of a fragment, coded for its release. Shared, never written again: a commit puts a new one in its
  // place.
  transport::Payload const& release(int fragment) const { return fragments_.at(fragment).release; }
  base::Digest digest(int fragment) const;  // of Theta in fp32
  // With the digests of Theta as it is now, and of what sites decode from its release.
  protocol::TapedVersion taped(int fragment, protocol::Version const& version) const;

  // What a site contributed to a commit.
  struct Member {
    transport::Payload payload;
    double weight = 0.0;
    std::optional<std::uint64_t>
        older_base;  // measured from this version, and to be measured from the newest
  };
  // Merges the members (in the order given), takes one outer step, and makes version `commits`.
  void commit(int fragment, std::uint64_t commits, std::vector<Member> const& members);
  // What it is of a member of the protocol's commit.
  static Member member(protocol::Member const& member, transport::Payload payload);

  void save(base::Writer& writer) const;  // tensors by name below "model", momentum by fragment
  // `commits(p)`: the version of fragment p.
  template <class Commits>
  void load(ShardFiles const& files, Commits&& commits) {
    for (auto const& [p, fragment] : fragments_) load_fragment(p, files.of(p), commits(p));
  }

 private:
  struct Fragment {
    std::vector<float> theta;
    transport::Payload release;
    outer::OuterOptimizer optimizer;
    std::optional<outer::VersionHistory>
        history;  // where contributions are measured from the current version
  };

  void load_fragment(int p, base::Reader const& reader, std::uint64_t commits);
  void publish(Fragment& fragment, std::uint64_t commits);

  RunPlan const& plan_;
  std::map<int, Fragment> fragments_;
  std::vector<float> merged_;  // room for the largest fragment
};

}  // namespace atl::train
