#include "sim/network.hpp"

#include <algorithm>
#include <bit>
#include <utility>

namespace atl::sim {

namespace {

constexpr double control_bytes = 120.0;  // of a frame without payload, about

}  // namespace

Network::Network(Layout const& layout, LinkOptions const& options, std::uint64_t seed, EventQueue& events,
                 FaultBoard& faults)
    : layout_(layout),
      options_(options),
      random_{seed},
      draws_(seed, Stream::network),
      events_(events),
      faults_(faults),
      lives_(static_cast<std::size_t>(layout.size()), 1),
      connected_(lives_.size(), std::vector<std::uint64_t>(lives_.size(), 0)) {}

std::uint32_t Network::channel_of(Node from, Node to, bool is_bulk) {
  auto const [found, is_new] =
      open_.try_emplace({from, to, is_bulk}, static_cast<std::uint32_t>(channels_.size()));
  if (is_new) {
    auto const own = [&](std::uint64_t which) {
      auto const link = static_cast<std::uint64_t>(from) << 32 | static_cast<std::uint64_t>(to);
      return 0.5 + random_.uniform(link + 1000, which);
    };
    channels_.push_back({.from = from,
                         .to = to,
                         .latency_s = options_.latency_s * own(0),
                         .bytes_per_s = options_.bytes_per_s * own(1),
                         .frames = {}});
  }
  return found->second;
}

void Network::send(Node from, Node to, protocol::Message message, Parcel parcel) {
  auto& sent = sent_[message.index()];
  sent = {sent.count + 1, from, to};
  digest(from, to, message, parcel);
  auto& peer_life = connected_[static_cast<std::size_t>(from)][static_cast<std::size_t>(to)];
  // Whoever asks for a state was told just now who has one, and connects anew.
  if (std::holds_alternative<protocol::StateRequest>(message)) peer_life = 0;
  bool const is_connected = peer_life == 0 || peer_life == life(to);
  double const now_s = events_.now_s();
  if (!is_connected || faults_.is_gone(to))
    return cover({.from = from, .to = to, .message = std::move(message), .sent_s = now_s});
  auto const chance = [&](FaultKind kind) { return draws_.chance(faults_.strength(kind, from, to)); };
  bool const is_bulk = protocol::is_bulk(message);
  auto const index = channel_of(from, to, is_bulk);
  auto& channel = channels_[index];

  Frame frame{.from = from,
              .to = to,
              .life = life(from),
              .message = std::move(message),
              .parcel = std::move(parcel),
              .sequence = channel.sent++,
              .sent_s = now_s};
  frame.is_damaged = is_bulk && chance(FaultKind::damage);
  if (frame.is_damaged) frame.faults |= mask_of(FaultKind::damage);
  if (replaces_waiting(channel, frame)) return;

  double const bytes = frame.parcel.bytes ? static_cast<double>(frame.parcel.bytes->size()) : 0.0;
  frame.leaves_s = std::max(now_s, channel.free_s);
  channel.free_s = frame.leaves_s + (control_bytes + bytes) / channel.bytes_per_s;
  double const delay_s = draws_.chance(0.3) ? faults_.strength(FaultKind::delay, from, to) : 0.0;
  if (delay_s > 0) frame.faults |= mask_of(FaultKind::delay);
  double const latency_s = channel.latency_s * (1.0 + draws_.real(0.0, options_.jitter)) + delay_s;
  frame.arrives_s = channel.last_s = std::max(channel.last_s, channel.free_s + latency_s);

  bool const is_doubled = chance(FaultKind::duplicate);
  bool const is_repeated = chance(FaultKind::repeat);
  if (is_doubled) frame.faults |= mask_of(FaultKind::duplicate);
  if (is_repeated) frame.faults |= mask_of(FaultKind::repeat);
  if (is_doubled) enqueue(index, frame);
  if (is_repeated) {
    enqueue(index, frame);
    frame.sequence = channel.sent++;
  }
  enqueue(index, std::move(frame));
}

void Network::digest(Node from, Node to, protocol::Message const& message, Parcel const& parcel) {
  auto const content = base::digest_of(std::span<std::byte const>(protocol::encode(message)));
  auto const payload =
      parcel.bytes ? base::digest_of(std::span<std::byte const>(*parcel.bytes)) : base::Digest{};
  std::array const parts{digest_.high,
                         digest_.low,
                         std::bit_cast<std::uint64_t>(events_.now_s()),
                         static_cast<std::uint64_t>(from) << 32 | static_cast<std::uint64_t>(to),
                         content.high,
                         content.low,
                         payload.high,
                         payload.low};
  digest_ = base::digest_of(std::span<std::uint64_t const>(parts));
}

// A frame that nothing holds up and whose time has come is under way: it cannot be replaced.
bool Network::replaces_waiting(Channel& channel, Frame const& frame) const {
  auto const* release = std::get_if<protocol::Release>(&frame.message);
  if (!release || release->since) return false;
  bool const is_held_up = is_held(channel);
  for (auto& waiting : channel.frames) {
    auto const* older = std::get_if<protocol::Release>(&waiting.message);
    bool const waits =
        waiting.leaves_s > events_.now_s() || (is_held_up && &waiting != &channel.frames.front());
    if (!waits || !older || older->fragment != release->fragment) continue;
    waiting.message = frame.message;
    waiting.parcel = frame.parcel;
    waiting.is_damaged = frame.is_damaged;
    waiting.faults |= frame.faults;
    return true;
  }
  return false;
}

void Network::enqueue(std::uint32_t index, Frame frame) {
  channels_[index].frames.push_back(std::move(frame));
  plan(index);
}

void Network::plan(std::uint32_t index) {
  auto& channel = channels_[index];
  if (channel.is_planned || channel.frames.empty()) return;
  channel.is_planned = true;
  events_.plan(channel.frames.front().arrives_s, Event::Kind::arrival, index);
}

bool Network::is_held(Channel const& channel) const {
  return faults_.is_cut(channel.from, channel.to) || faults_.is_on(FaultKind::stall, channel.to);
}

std::optional<Frame> Network::arrive(std::uint32_t index) {
  auto& channel = channels_[index];
  channel.is_planned = false;
  if (channel.frames.empty() || is_held(channel)) return std::nullopt;
  if (channel.frames.front().arrives_s > events_.now_s()) {  // since a loss it comes later than planned
    plan(index);
    return std::nullopt;
  }
  Frame frame = std::move(channel.frames.front());
  channel.frames.pop_front();
  plan(index);
  if (!frame.is_end) cover(frame);
  if (frame.is_damaged || frame.sequence < channel.expected) {
    ++refused_;
    return std::nullopt;
  }
  channel.expected = frame.sequence + 1;
  auto& connected = connected_[static_cast<std::size_t>(frame.to)][static_cast<std::size_t>(frame.from)];
  connected = std::max(connected, frame.life);
  return frame;
}

void Network::cover(Frame const& frame) {
  auto& row = coverage_[frame.message.index()];
  FaultMask const mask = frame.faults | faults_.since(frame.sent_s, frame.from, frame.to);
  for (std::size_t kind = 0; kind < fault_kinds; ++kind) {
    if (mask & mask_of(static_cast<FaultKind>(kind))) ++row[kind];
  }
}

void Network::release_held() {
  for (std::uint32_t index = 0; index < channels_.size(); ++index) plan(index);
}

void Network::lose(Node node) {
  auto const index = static_cast<std::size_t>(node);
  ++lives_[index];
  std::ranges::fill(connected_[index], 0);
  for (auto open = open_.begin(); open != open_.end();) {
    auto& channel = channels_[open->second];
    if (channel.from != node && channel.to != node) {
      ++open;
      continue;
    }
    auto const remain = channel.to == node ? 0 : draws_.whole(0, static_cast<int>(channel.frames.size()));
    for (auto i = static_cast<std::size_t>(remain); i < channel.frames.size(); ++i) {
      if (!channel.frames[i].is_end) cover(channel.frames[i]);
    }
    channel.frames.resize(static_cast<std::size_t>(remain));
    double const later_s = draws_.chance(0.5) ? draws_.real(0.0, options_.straggle_s) : 0.0;
    for (auto& frame : channel.frames) frame.arrives_s += later_s;
    if (channel.from == node && !std::get<bool>(open->first)) {
      enqueue(open->second, {.from = node,
                             .to = channel.to,
                             .life = life(node) - 1,
                             .sequence = channel.sent++,
                             .arrives_s = std::max(channel.last_s, events_.now_s()) + later_s,
                             .is_end = true});
    }
    open = open_.erase(open);
  }
}

bool Network::is_idle() const {
  return std::ranges::all_of(channels_, [this](Channel const& channel) {
    return channel.frames.empty() || !layout_.is_site(std::min(channel.from, channel.to));
  });
}

}  // namespace atl::sim
