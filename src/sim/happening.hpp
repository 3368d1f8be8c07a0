// What the simulation sees happen, as it tells the invariants: from its own doings, not from what a machine
// says of itself. Pointers are valid during the call.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <variant>
#include <vector>

#include "base/digest.hpp"
#include "protocol/syncer_action.hpp"
#include "protocol/tape.hpp"
#include "sim/fault.hpp"
#include "sim/network.hpp"
#include "sim/site_values.hpp"

namespace atl::sim {

struct SiteStarted {
  int site = 0;
  std::uint64_t incarnation = 0;
  protocol::SiteMachine const* restored = nullptr;  // from a snapshot
};
// A shard goes on from a snapshot: with what it held, and with what was on its way to it.
struct ShardRestored {
  int shard = 0;
  std::vector<protocol::TapedContribution> held, in_flight;
};
// Of the run that this one goes on from, and in its snapshot: a version, with those members whose lives go
// on.
struct Recalled {
  int shard = 0;
  protocol::Commit const* commit = nullptr;
  std::span<StepSpan const> holds;
  base::Digest theta;
};
// A life is about to take its first step, which is number `step` + 1 of the site.
struct Joined {
  int site = 0;
  std::uint64_t step = 0;
  bool lacks_state = false;  // a donor was named, and nothing of it has come
  bool is_at_base = true;    // theta is what was adopted
};
// `machine`: as it was at its last boundary.
struct SiteLost {
  int site = 0;
  protocol::SiteMachine const* machine = nullptr;
};
// A shard has welcomed this life of a site.
struct Admitted {
  int shard = 0;
  int site = 0;
  std::uint64_t incarnation = 0;
};
// A site has given its machine a boundary and done what that said. `trains`: it begins a step now.
struct Crossed {
  int site = 0;
  bool has_stepped = false;
  std::uint64_t tokens = 0;
  double loss = 0.0;       // after it
  std::uint64_t step = 0;  // so far
  std::span<protocol::SiteEvent const> events;
  protocol::SiteMachine const* machine = nullptr;
  bool trains = false;
  bool lacks_state = false;  // it heals
  bool has_left = false;
};
struct Contributed {
  int site = 0;
  protocol::Contribution const* contribution = nullptr;
  StepSpan holds;
  LeftOver left;
  float poison = 1.0f;  // what a fault has multiplied its values with
};
// The last that a site does: its parameters then.
struct Left {
  int site = 0;
  std::uint64_t step = 0;
  base::Digest parameters;
};
// A shard asks a site for a contribution.
struct Asked {
  int shard = 0;
  int site = 0;
  std::uint32_t fragment = 0;
};
struct Adopted {
  int site = 0;
  std::uint32_t fragment = 0;
  protocol::Version version;
  base::Digest theta;     // the base from now on
  bool is_known = false;  // from before, as a snapshot has it
};
// A shard makes a version known: the first, which no commit makes; what it commits, at once or when its
// backup has it; and in a new term what it goes on from. Before that a commit counts for nothing.
struct Published {
  int shard = 0;
  std::uint32_t fragment = 0;
  protocol::Version version;
  base::Digest theta;
  bool is_finite = true;
  std::optional<protocol::Version> taken_from = {};  // the version of another owner that it goes on from
};
struct Committed {
  int shard = 0;
  protocol::Commit const* commit = nullptr;
  std::span<StepSpan const> holds;  // of the members, in their order
};
// The outer step of a commit is taken.
struct Merged {
  int shard = 0;
  protocol::Commit const* commit = nullptr;
  base::Digest theta;  // as sites decode it
};
// A message of a life that its receiver knows to be over was handed to the machine. `effect`: what that
// changed, empty where nothing.
struct GhostHandled {
  Node at = 0;
  std::string effect;
};
// A shard's clock, after it was given something.
struct ClockRead {
  int shard = 0;
  std::uint64_t clock = 0;
};
// Shard 0 has brought everyone to rest (or given up those who did not come), or lets them go on.
struct RestAsked {
  protocol::Purpose purpose = protocol::Purpose::checkpoint;
};
struct RestReached {
  bool is_complete = true;  // everyone has come
};
struct RestOver {};
struct FaultChanged {
  Fault const* fault = nullptr;
  bool begins = true;
};
// After every event.
struct EventOver {};
// Every site has left.
struct RunOver {};

using Happening = std::variant<SiteStarted, ShardRestored, Recalled, Joined, SiteLost, Admitted, Crossed,
                               Contributed, Left, Asked, Adopted, Published, Committed, Merged, GhostHandled,
                               ClockRead, RestAsked, RestReached, RestOver, FaultChanged, EventOver, RunOver>;

}  // namespace atl::sim
