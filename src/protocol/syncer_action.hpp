// What a shard is told of a payload, and what it is told to do.
#pragma once

#include <cstdint>
#include <variant>
#include <vector>

#include "protocol/send.hpp"

namespace atl::protocol {

// What the driver measured of a payload when it arrived; the machine never sees the numbers themselves.
struct PayloadFacts {
  PayloadHandle payload = 0;
  bool finite = true;
};

struct Member {
  int site = 0;
  PayloadHandle payload = 0;
  double weight = 0.0;  // tokens^2 / steps, not normalized
  Contribution contribution;
  std::uint64_t staleness = 0;    // commits between its base and the version before this commit
  std::uint64_t rounds_late = 0;  // > 0: carried from an earlier round; its weight is discounted already
};

// Merge the members (in site order, a site's carried one before its fresh one) and take one outer step;
// afterwards Theta of the fragment is `version`.
// The members' payloads are then no longer needed.
struct Commit {
  std::uint32_t fragment = 0;
  std::uint64_t round = 0;
  Version version;
  std::vector<Member> members;
  double wait_s = 0.0;      // open to close
  std::vector<int> absent;  // asked, but not there at the close
};

// Send Theta of the fragment, as it is now, to a site.
struct SendRelease {
  int site = 0;
  Release release;
};

// Send Theta of the fragment and what its outer step needs, as they are now, to a backup.
struct SendReplica {
  int shard = 0;
  Replica replica;
};

// The fragment, which this shard takes over, is what this replica holds.
struct InstallReplica {
  std::uint32_t fragment = 0;
  PayloadHandle payload = 0;
};

// The payload was refused or came too late.
struct DiscardPayload {
  PayloadHandle payload = 0;
};

using SyncerAction =
    std::variant<SendToSite, Commit, SendRelease, DiscardPayload, SendToShard, SendReplica, InstallReplica>;

}  // namespace atl::protocol
