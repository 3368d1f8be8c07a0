#include "train/taped_channel.hpp"

#include "base/error.hpp"

namespace atl::train {

namespace {

constexpr double wait_s = 0.25;

}  // namespace

TapedChannel::TapedChannel(RunPlan const& plan, transport::Transport& transport,
                           std::vector<protocol::TapedBoundary> boundaries, std::size_t next,
                           std::vector<Waiting> const& arrived)
    : SiteChannel(plan, transport), boundaries_(std::move(boundaries)), next_(next) {
  for (auto const& boundary : boundaries_) {
    for (auto const& event : boundary.events) {
      if (auto const* held = std::get_if<protocol::HeldRelease>(&event))
        named_[held->payload] = {held->release.fragment, held->release.version};
    }
  }
  for (auto const& each : arrived) arrived_[{each.fragment, each.version}] = each.theta;
}

std::deque<protocol::SiteEvent>& TapedChannel::events() {
  base::ensure(events_.empty(), "the events of a taped boundary fit into one record");
  for (auto const& event : boundaries_.at(next_++).events) events_.push_back(event);
  return events_;
}

transport::Payload const& TapedChannel::payload(protocol::PayloadHandle handle) {
  auto const& name = named_.at(handle);
  while (!arrived_.contains(name)) {
    transport_.wait(wait_s);
    for (auto& frame : transport_.receive()) {
      if (auto const* release = std::get_if<protocol::Release>(&frame.message))
        arrived_[{release->fragment, release->version}] = std::move(frame.payload);
    }
  }
  return arrived_.at(name);
}

void TapedChannel::discard(protocol::PayloadHandle handle) {
  auto const named = named_.extract(handle);
  if (named) arrived_.erase(named.mapped());
}

void TapedChannel::send_to_shards(protocol::Message const& message) {
  auto const* progress = std::get_if<protocol::Progress>(&message);
  bool const is_of_use =
      progress ? !progress->fragments.empty() : std::holds_alternative<protocol::Bye>(message);
  if (is_of_use) SiteChannel::send_to_shards(message);
}

}  // namespace atl::train
