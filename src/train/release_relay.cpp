#include "train/release_relay.hpp"

#include <algorithm>
#include <memory>
#include <span>
#include <utility>

#include "base/waiting.hpp"
#include "comm/wait.hpp"
#include "outer/codec.hpp"

namespace atl::train {

namespace {

// Releases, and what may be heard before them: it comes by another lane, which has overtaken them before.
// What asks for a state, or for rest, is in order with all that was told before it.
bool may_be_late_or_overtake(protocol::SiteEvent const& event) {
  return std::holds_alternative<protocol::HeldRelease>(event) ||
         std::holds_alternative<protocol::Pull>(event) || std::holds_alternative<protocol::Cancel>(event) ||
         std::holds_alternative<protocol::FateNotice>(event);
}

}  // namespace

ReleaseRelay::~ReleaseRelay() { give_up(); }

std::vector<protocol::SiteEvent> ReleaseRelay::pass(std::vector<protocol::SiteEvent> told, bool can_wait,
                                                    SiteChannel* leaders) {
  finish();
  auto events = std::exchange(waiting_, {});
  bool const waits = site_.size() > 1 && can_wait && std::ranges::all_of(told, may_be_late_or_overtake);
  for (auto& event : told) {
    auto const* held = std::get_if<protocol::HeldRelease>(&event);
    if (!waits || !held) {
      events.push_back(std::move(event));
      continue;
    }
    if (held->payload != 0) travelling_.push_back(send(held->payload, held->release.fragment, leaders));
    waiting_.push_back(std::move(event));
  }
  return events;
}

void ReleaseRelay::look() {
  std::erase_if(travelling_, [&](Travelling& travelling) {
    bool const is_here = comm::are_complete(site_.get(), travelling.requests);
    if (is_here) here_[travelling.handle] = std::move(travelling.release);
    return is_here;
  });
}

transport::Payload ReleaseRelay::payload(protocol::PayloadHandle handle, std::uint32_t fragment,
                                         SiteChannel* leaders) {
  if (site_.size() == 1) return leaders->payload(handle);
  if (auto const found = here_.find(handle); found != here_.end()) return found->second.theta;
  auto now = send(handle, fragment, leaders);
  return arrived(now).theta;
}

void ReleaseRelay::finish() {
  for (auto& travelling : travelling_) here_[travelling.handle] = arrived(travelling);
  travelling_.clear();
}

void ReleaseRelay::give_up() {
  for (auto& travelling : travelling_) comm::give_up(site_.get(), travelling.requests);
  travelling_.clear();
  here_.clear();  // some may have what others lack: whoever asks, all do
}

ReleaseRelay::Travelling ReleaseRelay::send(protocol::PayloadHandle handle, std::uint32_t fragment,
                                            SiteChannel* leaders) const {
  auto const size =
      outer::encoded_bytes(plan_.release_codec, plan_.table.fragment(static_cast<int>(fragment)).size);
  auto theta = leaders ? leaders->payload(handle) : std::make_shared<std::vector<std::byte>>(size);
  Travelling travelling{handle, {fragment, std::move(theta)}, {}};
  // The leader's are only read.
  std::span const bytes(const_cast<std::byte*>(travelling.release.theta->data()),
                        travelling.release.theta->size());
  travelling.requests = site_.begin_broadcast(bytes, 0);
  return travelling;
}

ReleaseRelay::Release ReleaseRelay::arrived(Travelling& travelling) const {
  base::Waiting const waiting("the passing on of a release");
  comm::wait_all(site_.get(), travelling.requests, comm::Patience::short_wait);
  return std::move(travelling.release);
}

}  // namespace atl::train
