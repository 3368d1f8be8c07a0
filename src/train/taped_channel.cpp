#include "train/taped_channel.hpp"

#include "base/error.hpp"

namespace atl::train {

namespace {

constexpr double wait_s = 0.25;

}  // namespace

TapedChannel::TapedChannel(RunPlan const& plan, transport::Transport& transport,
                           std::vector<protocol::TapedBoundary> boundaries, std::size_t next, Mail& mail,
                           bool is_last)
    : SiteChannel(plan, transport),
      boundaries_(std::move(boundaries)),
      next_(next),
      mail_(mail),
      is_last_(is_last) {
  for (auto const& boundary : boundaries_) {
    for (auto const& event : boundary.events) {
      if (auto const* held = std::get_if<protocol::HeldRelease>(&event))
        releases_[held->payload] = {held->release.fragment, held->release.version};
      if (auto const* held = std::get_if<protocol::HeldState>(&event))
        states_[held->payload] = {held->state.incarnation, held->state.step};
    }
  }
}

std::deque<protocol::SiteEvent>& TapedChannel::events() {
  base::ensure(events_.empty(), "the events of a taped boundary fit into one record");
  for (auto const& event : boundaries_.at(next_++).events) events_.push_back(event);
  return events_;
}

template <class Box>
typename Box::iterator TapedChannel::wait_for(Box& box, typename Box::key_type const& name) {
  while (!box.contains(name)) {
    transport_.wait(wait_s);
    for (auto& frame : transport_.receive()) {
      if (auto const* release = std::get_if<protocol::Release>(&frame.message))
        mail_.releases[{release->fragment, release->version}] = std::move(frame.payload);
      if (auto const* state = std::get_if<protocol::StateData>(&frame.message))
        mail_.states[{state->incarnation, state->step}] = std::move(frame.payload);
    }
  }
  return box.find(name);
}

transport::Payload const& TapedChannel::payload(protocol::PayloadHandle handle) {
  used_ = handle;
  return wait_for(mail_.releases, releases_.at(handle))->second;
}

transport::Payload TapedChannel::take_state(protocol::PayloadHandle handle) {
  return mail_.states.extract(wait_for(mail_.states, states_.at(handle))).mapped();
}

// What was never used was not sent either.
void TapedChannel::discard(protocol::PayloadHandle handle) {
  if (handle == used_) mail_.releases.erase(releases_.at(handle));
}

void TapedChannel::send_to_shards(protocol::Message const& message) {
  auto const* progress = std::get_if<protocol::Progress>(&message);
  bool const is_of_use =
      progress ? !progress->fragments.empty() : std::holds_alternative<protocol::Bye>(message);
  if (is_of_use) SiteChannel::send_to_shards(message);
}

void TapedChannel::send_to_site(int site, protocol::Message message, transport::Payload payload) {
  if (std::holds_alternative<protocol::StateData>(message))
    SiteChannel::send_to_site(site, std::move(message), std::move(payload));
}

void TapedChannel::say_goodbye() {
  if (is_last_) SiteChannel::say_goodbye();
}

}  // namespace atl::train
