#include "train/site_channel.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>
#include <vector>

#include "base/clock.hpp"
#include "base/error.hpp"
#include "base/log.hpp"
#include "base/waiting.hpp"
#include "deck/deck.hpp"
#include "train/peers.hpp"
#include "train/profile.hpp"

namespace atl::train {

namespace {

constexpr double join_wait_s = 0.25;

}  // namespace

SiteChannel::SiteChannel(RunPlan const& plan, transport::Transport& transport)
    : plan_(plan), transport_(transport), chain_(plan) {}

void SiteChannel::say_hello(std::uint64_t incarnation, bool heals) {
  send_to_shards(protocol::Hello{.incarnation = incarnation,
                                 .heals = heals,
                                 .parameters = plan_.table.digest(),
                                 .agreement = deck::agreement(plan_.config)});
}

void SiteChannel::ask_again(std::uint64_t incarnation) { say_hello(incarnation, /*heals=*/true); }

void SiteChannel::join(std::uint64_t incarnation, bool heals) {
  base::Waiting const waiting("the shards' welcome");
  say_hello(incarnation, heals);
  std::set<int> awaited;
  for (int shard = 0; shard < plan_.config.syncer.ranks; ++shard)
    (transport_.reaches(shard_peer(shard)) ? awaited : lost_shards_).insert(shard);
  double asked_s = base::now_s();
  while (!awaited.empty()) {
    transport_.wait(join_wait_s);
    look_for_losses();
    for (int const shard : lost_shards_) awaited.erase(shard);
    for (auto& frame : transport_.receive()) {
      auto const* welcome = std::get_if<protocol::Welcome>(&frame.message);
      if (welcome && !welcome->refusal.empty()) {
        throw base::RuntimeFailure(
            fmt::format("shard {} refuses this site: {}", frame.from.index, welcome->refusal));
      }
      // What is under way by the control lane was said to this site's earlier life.
      bool const is_old = !welcome && heals && !frame.payload && awaited.contains(frame.from.index);
      if (welcome) awaited.erase(frame.from.index);
      if (!is_old && (!welcome || heals)) accept(std::move(frame));
    }
    if (base::now_s() - asked_s > plan_.config.outer.dead_after_s) {
      base::log::warn_once("welcome", "no welcome from every shard yet; still waiting");
      asked_s = base::now_s();
    }
  }
}

void SiteChannel::receive(double wait_s) {
  if (wait_s > 0 && events_.empty()) transport_.wait(wait_s);
  look_for_losses();
  for (auto& frame : transport_.receive()) accept(std::move(frame));
}

// Whoever has a backup is followed by it; shard 0 is the hub of the run, and that of one alone.
void SiteChannel::look_for_losses() {
  for (auto const& loss : transport_.losses()) {
    int const shard = loss.peer.index;
    lost_shards_.insert(shard);
    if (shard > 0) continue;
    throw base::Interrupted("shard 0 is lost, which leads the run; go on with --resume");
  }
}

void SiteChannel::accept(transport::Frame frame) {
  if (auto const* state = std::get_if<protocol::StateData>(&frame.message)) {
    states_[++last_handle_] = std::move(frame.payload);
    events_.emplace_back(protocol::HeldState{*state, last_handle_});
    return;
  }
  if (auto const* release = std::get_if<protocol::Release>(&frame.message))
    return accept_release(frame.from.index, *release, std::move(frame.payload));
  if (auto const* marker = std::get_if<protocol::Marker>(&frame.message)) {
    if (marker->bulk) bulk_markers_[frame.from.index] = marker->id;
    if (marker->id > std::exchange(last_marker_, std::max(last_marker_, marker->id)))
      events_.emplace_back(*marker);
    return;
  }
  std::visit(
      [&](auto const& message) {
        if constexpr (std::is_constructible_v<protocol::SiteEvent, decltype(message)>) {
          events_.emplace_back(message);
        } else {
          base::log::warn_once("unexpected message",
                               "a message arrived that a site has no use for; it was dropped");
        }
      },
      frame.message);
}

void SiteChannel::accept_release(int shard, protocol::Release const& release, transport::Payload payload) {
  if (!chain_.fits(release, payload))
    return base::log::warn_once("release", "a release of the wrong size arrived; it was dropped");
  drop_older_release(release);
  released_bytes += payload->size();
  auto whole = chain_.whole(release, std::move(payload));
  if (!whole) base::log::info(fmt::format("fragment {} is asked for whole", release.fragment));
  if (whole) {
    Waiting const waiting{release.fragment, release.version, whole, bulk_markers_[shard]};
    payloads_[++last_handle_] = waiting;
    if (waiting.marker < last_cut_) on_its_way_.push_back(waiting);
  }
  events_.emplace_back(protocol::HeldRelease{release, whole ? last_handle_ : 0});
}

// A site that looks rarely must not pile up payloads: of a release that a newer one overtakes, the fate is
// enough.
void SiteChannel::drop_older_release(protocol::Release const& newer) {
  for (auto& event : events_) {
    auto const* held = std::get_if<protocol::HeldRelease>(&event);
    if (!held || held->release.fragment != newer.fragment || held->release.version >= newer.version) continue;
    payloads_.erase(held->payload);
    event = protocol::FateNotice{newer.fragment, held->release.fate};
  }
}

void SiteChannel::discard(protocol::PayloadHandle handle) {
  payloads_.erase(handle);
  states_.erase(handle);
}

transport::Payload SiteChannel::take_state(protocol::PayloadHandle handle) {
  return states_.extract(handle).mapped();
}

void SiteChannel::contribute(protocol::Contribute const& asked, transport::Payload payload) {
  transport_.send(shard_peer(asked.owner), asked.contribution, std::move(payload));
}

void SiteChannel::send_to_shards(protocol::Message const& message) {
  for (int shard = 0; shard < plan_.config.syncer.ranks; ++shard) transport_.send(shard_peer(shard), message);
}

void SiteChannel::send_markers(protocol::Marker marker) {
  for (bool const bulk : {false, true}) {
    marker.bulk = bulk;
    for (int shard = 0; shard < plan_.config.syncer.ranks; ++shard)
      transport_.send(shard_peer(shard), marker, marker_payload(marker));
  }
  last_cut_ = marker.id;
  on_its_way_.clear();
  for (auto const& [handle, waiting] : payloads_) {
    if (waiting.marker < last_cut_) on_its_way_.push_back(waiting);
  }
}

std::optional<std::vector<SiteChannel::Waiting>> SiteChannel::take_on_its_way() {
  for (int shard = 0; shard < plan_.config.syncer.ranks; ++shard) {
    if (bulk_markers_[shard] < last_cut_ && !lost_shards_.contains(shard)) return std::nullopt;
  }
  return std::exchange(on_its_way_, {});
}

void SiteChannel::send_to_hub(protocol::Message message) {
  transport_.send(shard_peer(0), std::move(message));
}

void SiteChannel::send_to_site(int site, protocol::Message message, transport::Payload payload) {
  transport_.send(site_peer(site), std::move(message), std::move(payload));
}

void SiteChannel::say_goodbye() { send_to_shards(protocol::Bye{}); }

std::map<std::string, std::uint64_t> SiteChannel::sent_bytes() const {
  auto const by_kind = transport_.counters().bytes_sent_by_kind;
  std::map<std::string, std::uint64_t> sent;
  for (std::size_t kind = 0; kind < by_kind.size(); ++kind) {
    if (by_kind[kind] > 0) sent[protocol::kind_name(kind)] = by_kind[kind];
  }
  return sent;
}

}  // namespace atl::train
