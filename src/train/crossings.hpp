// Between the device that a site computes on and its channel: contributions on their way out, releases on
// their way in. They cross beside the steps.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <utility>
#include <vector>

#include "base/digest.hpp"
#include "kernels/staging.hpp"
#include "train/run_plan.hpp"
#include "train/site_channel.hpp"
#include "train/trace.hpp"

namespace atl::train {

// Rooms for what crosses, kept for the next.
class StagingRooms {
 public:
  using Room = std::unique_ptr<kernels::Staging>;
  Room take();
  void give_back(Room room) { free_.push_back(std::move(room)); }

 private:
  std::vector<Room> free_;
};

class Departures {
 public:
  explicit Departures(Trace& trace) : trace_(trace) {}

  // code(kernels::Staging&) tells the device to code the contribution, and that it leaves then.
  template <class Code>
  void add(protocol::Contribute const& asked, Code const& code) {
    auto room = rooms_.take();
    code(*room);
    leaving_.push_back({asked, std::move(room)});
  }

  // To the channel, in order: what is there. `all`: waits for the others.
  void pass_on(SiteChannel& channel, bool all = false);

 private:
  struct Leaving {
    protocol::Contribute asked;
    StagingRooms::Room room;
  };

  Trace& trace_;
  StagingRooms rooms_;
  std::deque<Leaving> leaving_;
};

class Arrivals {
 public:
  // `is_taped`: digests are wanted.
  Arrivals(RunPlan const& plan, Trace& trace, bool is_taped)
      : plan_(plan), trace_(trace), is_taped_(is_taped) {}

  // What waits to be adopted, by its handle, with its `fragment` and `theta`: begins to bring what is new,
  // no more at once than a site stages (outer.in_flight), and forgets what does not wait any more.
  template <class Releases>
  void follow(Releases const& waiting) {
    forget_unless([&](protocol::PayloadHandle handle) { return waiting.contains(handle); });
    for (auto const& [handle, release] : waiting) look_at(handle, release.fragment, release.theta);
  }

  // A release for what the device is told next; brought now where it was not on its way. Until discard().
  kernels::Tensor1<std::byte const> bring(protocol::PayloadHandle handle, std::uint32_t fragment,
                                          transport::Payload const& payload);
  // Its numbers', if digests are wanted.
  base::Digest digest(protocol::PayloadHandle handle) const { return arriving_.at(handle).digest; }
  // The device was told all that reads it, or never will be.
  void discard(protocol::PayloadHandle handle);

 private:
  struct Arriving {
    transport::Payload payload;  // where memory is shared it is read where it lies
    StagingRooms::Room room;
    base::Digest digest;
    bool is_traced = false;
  };
  Arriving& begin(protocol::PayloadHandle handle, std::uint32_t fragment, transport::Payload payload);
  void look_at(protocol::PayloadHandle handle, std::uint32_t fragment, transport::Payload const& payload);
  void forget_unless(std::function<bool(protocol::PayloadHandle)> const& waits);

  RunPlan const& plan_;
  Trace& trace_;
  bool is_taped_;
  StagingRooms rooms_;
  std::map<protocol::PayloadHandle, Arriving> arriving_;
  std::vector<float> decoded_;
};

}  // namespace atl::train
