// The outer parameters of one shard: Theta and outer momentum of the fragments it owns, and the outer step on
// them.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <source_location>
#include <span>
#include <string>
#include <vector>

#include "base/archive.hpp"
#include "base/digest.hpp"
#include "base/error.hpp"
#include "outer/outer_optimizer.hpp"
#include "outer/version_history.hpp"
#include "protocol/syncer_action.hpp"
#include "protocol/tape.hpp"
#include "train/run_plan.hpp"
#include "transport/transport.hpp"

namespace atl::train {

// What a shard holds is not what it made: its memory has changed (silent data corruption). The shard is lost;
// its backup, or the last checkpoint, has what it was.
class Corrupted : public base::Interrupted {
 public:
  explicit Corrupted(std::string const& what, std::source_location where = std::source_location::current())
      : Interrupted(what, where) {}
};

class OuterModel {
 public:
  // Of this shard's fragments (p mod shards == shard), without values: initialize() or load() follows.
  OuterModel(RunPlan const& plan, int shard);
  // Version 0: the initial parameters.
  void initialize();

  // Theta of a fragment, coded for its release, or the difference that its last commit made. Shared, never
  // written again: a commit puts new ones in their places.
  transport::Payload const& release(int fragment) const { return fragments_.at(fragment).release; }
  transport::Payload const& difference(int fragment) const { return fragments_.at(fragment).difference; }
  base::Digest digest(int fragment) const;  // of Theta as sites decode it
  std::span<float const> theta(int fragment) const { return fragments_.at(fragment).theta; }
  protocol::TapedVersion taped(int fragment, protocol::Version const& version) const;

  // What a site contributed to a commit.
  struct Member {
    transport::Payload payload;
    double weight = 0.0;
    std::optional<std::uint64_t>
        older_base;  // measured from this version, and to be measured from the newest
  };
  // Merges the members (in the order given), takes one outer step, and makes version `commits`. Before
  // anything is built on what the last one left, it is compared with the digest taken then: throws Corrupted.
  void commit(int fragment, std::uint64_t commits, std::vector<Member> const& members);
  // What it is of a member of the protocol's commit.
  static Member member(protocol::Member const& member, transport::Payload payload);

  // For a backup: Theta and what its outer step needs. And what a shard that takes the fragment over goes on
  // with; without a payload: nothing of it was ever seen. Throws RuntimeFailure or InputError where it is
  // none.
  transport::Payload replica(int fragment) const;
  void install(int fragment, std::uint64_t commits, transport::Payload const& replica);
  static std::size_t longest_replica_bytes(RunPlan const& plan);
  // It is another shard's.
  void drop(int fragment) { fragments_.erase(fragment); }

  // Theta by tensor below "model"; momentum, and what of Theta the release codec keeps back, by fragment.
  void save(base::Writer& writer) const;
  // A fragment from the file that holds it, at version `commits`.
  void load(int fragment, base::Reader const& reader, std::uint64_t commits);

 private:
  struct Fragment {
    std::vector<float> theta;  // in full, for the outer step; what sites decode from `release` counts
    transport::Payload release;
    transport::Payload difference;
    outer::OuterOptimizer optimizer;
    std::optional<outer::VersionHistory>
        history;        // where contributions are measured from the current version
    base::Digest made;  // of Theta and momentum, when they were last changed
  };

  Fragment& make(int fragment);
  void initialize(int fragment);
  void publish(Fragment& fragment, std::uint64_t commits, transport::Payload release);
  static base::Digest state_digest(Fragment const& fragment);
  void check(int fragment) const;
  void publish_step(Fragment& fragment, std::uint64_t commits);
  std::span<float const> released(Fragment const& fragment, std::vector<float>& room) const;
  bool is_lossy() const { return plan_.difference_codec || plan_.release_codec != outer::Codec::fp32; }

  RunPlan const& plan_;
  std::map<int, Fragment> fragments_;
  std::vector<float> merged_;  // room for the largest fragment
};

}  // namespace atl::train
