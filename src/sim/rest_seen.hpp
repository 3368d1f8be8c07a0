// What an invariant has seen of the last rest: who was well when it was asked for, and how it went.
#pragma once

#include <vector>

#include "sim/happening.hpp"
#include "sim/scenario.hpp"

namespace atl::sim {

class RestSeen {
 public:
  RestSeen(Scenario const& scenario, FaultBoard const& faults) : scenario_(scenario), faults_(faults) {
    for (int p = 0; p < scenario.outer.fragments; ++p)
      owners_.push_back(scenario.layout.owner_of(static_cast<std::uint32_t>(p)));
  }

  void see(Happening const& happening, double now_s) {
    if (auto const* asked = std::get_if<RestAsked>(&happening)) {
      purpose_ = asked->purpose;
      asked_s_ = now_s;
      is_complete_ = false;
    } else if (auto const* reached = std::get_if<RestReached>(&happening)) {
      is_complete_ = reached->is_complete;
    } else if (auto const* published = std::get_if<Published>(&happening)) {
      owners_[published->fragment] = scenario_.layout.shard(published->shard);
    }
  }

  // Everyone came to rest.
  bool is_complete() const { return is_complete_; }
  bool has_finished() const { return is_complete_ && purpose_ == protocol::Purpose::finish; }
  Node owner_of(std::size_t fragment) const { return owners_[fragment]; }
  // Nothing has befallen the node since well before the rest.
  bool was_healthy(Node node) const {
    return faults_.clean_since_s(node) <= asked_s_ - 2.0 * scenario_.outer.dead_after_s;
  }

 private:
  Scenario const& scenario_;
  FaultBoard const& faults_;
  protocol::Purpose purpose_ = protocol::Purpose::checkpoint;
  std::vector<Node> owners_;  // by fragment
  double asked_s_ = 0.0;
  bool is_complete_ = false;
};

}  // namespace atl::sim
