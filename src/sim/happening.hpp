// What the simulation sees happen, as it tells the invariants: from its own doings, not from what a machine
// says of itself. Pointers are valid during the call.
#pragma once

#include <span>
#include <string>
#include <variant>

#include "base/digest.hpp"
#include "protocol/site_machine.hpp"
#include "protocol/syncer_action.hpp"
#include "sim/fault.hpp"
#include "sim/network.hpp"

namespace atl::sim {

struct SiteStarted {
  int site = 0;
  std::uint64_t incarnation = 0;
  std::uint64_t step = 0;
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
  std::span<protocol::SiteEvent const> events;
  protocol::SiteMachine const* machine = nullptr;
  bool trains = false;
  bool has_left = false;
};
struct Contributed {
  int site = 0;
  protocol::Contribution const* contribution = nullptr;
  StepSpan holds;
};
struct Adopted {
  int site = 0;
  std::uint32_t fragment = 0;
  protocol::Version version;
  base::Digest theta;  // the base from now on
};
// Of a fragment's first version as well: that is made by no commit.
struct Published {
  int shard = 0;
  std::uint32_t fragment = 0;
  protocol::Version version;
  base::Digest theta;
  bool is_finite = true;
};
// Before its Published.
struct Committed {
  int shard = 0;
  protocol::Commit const* commit = nullptr;
  std::span<StepSpan const> holds;  // of the members, in their order
};
// A message of a life that its receiver knows to be over was handed to the machine. `effect`: what that
// changed, empty where nothing.
struct GhostHandled {
  Node at = 0;
  std::string effect;
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

using Happening =
    std::variant<SiteStarted, SiteLost, Admitted, Crossed, Contributed, Adopted, Published, Committed,
                 GhostHandled, RestAsked, RestReached, RestOver, FaultChanged, EventOver, RunOver>;

}  // namespace atl::sim
