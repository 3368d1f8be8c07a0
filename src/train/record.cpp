#include "train/record.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <type_traits>

#include "base/error.hpp"
#include "base/waiting.hpp"

namespace atl::train {

namespace {

// What travels for each rank. Plain bytes between equal binaries on equal hosts of one site.
struct Share {
  RankShare rank;
  std::uint32_t events_bytes = 0;
  std::array<std::byte, record_event_bytes> events;
};
static_assert(std::is_trivially_copyable_v<Share>);

// An event is its length, the handle of its payload, and the message as the wire has it.
struct EventHeader {
  std::uint32_t message_bytes = 0;
  protocol::PayloadHandle payload = 0;
};

protocol::Message message_of(protocol::SiteEvent const& event) {
  return std::visit(
      [](auto const& held) -> protocol::Message {
        if constexpr (std::is_same_v<std::decay_t<decltype(held)>, protocol::HeldRelease>) {
          return held.release;
        } else if constexpr (std::is_same_v<std::decay_t<decltype(held)>, protocol::HeldState>) {
          return held.state;
        } else {
          return held;
        }
      },
      event);
}

protocol::SiteEvent event_of(protocol::Message const& message, protocol::PayloadHandle payload) {
  return std::visit(
      [&](auto const& content) -> protocol::SiteEvent {
        using Content = std::decay_t<decltype(content)>;
        if constexpr (std::is_same_v<Content, protocol::Release>) {
          return protocol::HeldRelease{content, payload};
        } else if constexpr (std::is_same_v<Content, protocol::StateData>) {
          return protocol::HeldState{content, payload};
        } else if constexpr (std::is_constructible_v<protocol::SiteEvent, Content>) {
          return content;
        } else {
          throw base::RuntimeFailure("a record holds a message that is no event of a site");
        }
      },
      message);
}

protocol::PayloadHandle payload_of(protocol::SiteEvent const& event) {
  if (auto const* held = std::get_if<protocol::HeldRelease>(&event)) return held->payload;
  auto const* held = std::get_if<protocol::HeldState>(&event);
  return held ? held->payload : 0;
}

// Returns how many.
std::ptrdiff_t pack_events(std::deque<protocol::SiteEvent> const& pending, Share& share) {
  std::ptrdiff_t packed = 0;
  for (auto const& event : pending) {
    auto const message = protocol::encode(message_of(event));
    EventHeader const header{static_cast<std::uint32_t>(message.size()), payload_of(event)};
    if (share.events_bytes + sizeof header + message.size() > share.events.size()) break;
    std::byte* const place = share.events.data() + share.events_bytes;
    std::memcpy(place, &header, sizeof header);
    std::memcpy(place + sizeof header, message.data(), message.size());
    share.events_bytes += static_cast<std::uint32_t>(sizeof header + message.size());
    ++packed;
    // What came after a marker must not be in the state that it asks for.
    if (std::holds_alternative<protocol::Marker>(event)) break;
  }
  return packed;
}

std::vector<protocol::SiteEvent> unpack_events(Share const& share) {
  std::vector<protocol::SiteEvent> events;
  std::span<std::byte const> rest(share.events.data(), share.events_bytes);
  while (!rest.empty()) {
    EventHeader header;
    std::memcpy(&header, rest.data(), sizeof header);
    rest = rest.subspan(sizeof header);
    events.push_back(event_of(protocol::decode(rest.first(header.message_bytes)), header.payload));
    rest = rest.subspan(header.message_bytes);
  }
  return events;
}

}  // namespace

Record exchange_record(comm::Communicator const& site, RankShare const& mine,
                       std::deque<protocol::SiteEvent>& pending, bool idle) {
  Share share;
  share.rank = mine;
  auto const packed = site.rank() == 0 ? pack_events(pending, share) : 0;

  std::vector<Share> shares(static_cast<std::size_t>(site.size()));
  auto const all = std::as_writable_bytes(std::span(shares));
  auto const own = std::as_bytes(std::span(&share, 1));
  base::Waiting const waiting("the record of a boundary");
  if (idle) {
    site.sleeping_all_gather(own, all);
  } else {
    site.all_gather(own, all);
  }
  pending.erase(pending.begin(), pending.begin() + packed);

  // Added up in rank order: the same bits on every rank.
  Record record;
  double loss_sum = 0.0, squared_norm = 0.0;
  for (auto const& [rank, bytes, events] : shares) {
    loss_sum += rank.loss_sum;
    squared_norm += rank.squared_norm;
    record.tokens += rank.targets;
    record.step_s = std::max(record.step_s, rank.step_s);
    record.stop_requested |= rank.stop_requested;
  }
  record.loss = record.tokens == 0 ? 0.0 : loss_sum / static_cast<double>(record.tokens);
  record.grad_norm = std::sqrt(squared_norm);
  record.events = unpack_events(shares.front());
  return record;
}

}  // namespace atl::train
