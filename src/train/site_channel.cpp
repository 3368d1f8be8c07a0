#include "train/site_channel.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>
#include <vector>

#include "base/clock.hpp"
#include "base/error.hpp"
#include "base/log.hpp"
#include "deck/deck.hpp"
#include "train/peers.hpp"

namespace atl::train {

namespace {

constexpr double join_wait_s = 0.25;

}  // namespace

SiteChannel::SiteChannel(RunPlan const& plan, transport::Transport& transport)
    : plan_(plan), transport_(transport), chain_(plan) {}

void SiteChannel::join(std::uint64_t incarnation) {
  int const shards = plan_.config.syncer.ranks;
  for (int shard = 0; shard < shards; ++shard) {
    transport_.send(shard_peer(shard), protocol::Hello{.incarnation = incarnation,
                                                       .parameters = plan_.table.digest(),
                                                       .agreement = deck::agreement(plan_.config)});
  }
  int welcomes = 0;
  double asked_s = base::now_s();
  while (welcomes < shards) {
    transport_.wait(join_wait_s);
    for (auto& frame : transport_.receive()) {
      auto const* welcome = std::get_if<protocol::Welcome>(&frame.message);
      if (!welcome) {
        accept(std::move(frame));
        continue;
      }
      if (!welcome->refusal.empty()) {
        throw base::RuntimeFailure(
            fmt::format("shard {} refuses this site: {}", frame.from.index, welcome->refusal));
      }
      ++welcomes;
    }
    if (base::now_s() - asked_s > plan_.config.outer.dead_after_s) {
      base::log::warn_once("welcome", "no welcome from every shard yet; still waiting");
      asked_s = base::now_s();
    }
  }
}

void SiteChannel::receive(double wait_s) {
  if (wait_s > 0 && events_.empty()) transport_.wait(wait_s);
  for (auto& frame : transport_.receive()) accept(std::move(frame));
}

void SiteChannel::accept(transport::Frame frame) {
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
    if (bulk_markers_[shard] < last_cut_) return std::nullopt;
  }
  return std::exchange(on_its_way_, {});
}

void SiteChannel::send_to_hub(protocol::Message message) {
  transport_.send(shard_peer(0), std::move(message));
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
