#include "transport/mpi/mpi_transport.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <string>
#include <utility>

#include "base/clock.hpp"
#include "base/error.hpp"
#include "base/log.hpp"

namespace atl::transport {

namespace {

// Bounds on what waits for a peer that does not take it, and for a loop thread that does not collect it.
constexpr std::size_t max_queued_control = 65536;
constexpr std::size_t max_queued_bulk = 4096;
constexpr std::size_t max_unread_control = 1024;
constexpr std::size_t max_unread_bulk = 8;

std::string describe(Peer peer) {
  return fmt::format("{} {}", peer.kind == Peer::Kind::shard ? "shard" : "site", peer.index);
}

std::chrono::duration<double> seconds(double s) {
  constexpr double longest_s = 3600.0;  // keeps deadlines within what the clock can count
  return std::chrono::duration<double>(std::clamp(s, 0.0, longest_s));
}

// How long to sleep before the next look, after nothing has moved for `quiet_s`. A peer may stand still for
// long in the middle of a frame: after a second it is looked at no more often than an idle one.
double pause_s(double quiet_s, bool is_in_flight) {
  constexpr double shortest_s = 50e-6;
  constexpr double longest_in_flight_s = 200e-6;
  constexpr double longest_s = 2e-3;
  return std::clamp(quiet_s / 4, shortest_s, is_in_flight && quiet_s < 1.0 ? longest_in_flight_s : longest_s);
}

}  // namespace

MpiTransport::MpiTransport(comm::World const& world, Options options) {
  base::ensure(options.max_payload_bytes <= longest_rest_bytes, "a payload has less than 8 GiB");
  bool const is_shard = world.here.role == comm::Role::shard;
  base::ensure(is_shard || world.here.rank == 0, "only shards and the leaders of sites talk outward");
  for (int shard = 0; shard < world.layout.shards(); ++shard) {
    if (is_shard && shard == world.here.group) continue;
    add_peer(world, {Peer::Kind::shard, shard}, world.layout.shard_rank(shard), options.max_payload_bytes);
  }
  for (int site = 0; is_shard && site < world.layout.sites(); ++site) {
    add_peer(world, {Peer::Kind::site, site}, world.layout.leader_rank(site), options.max_payload_bytes);
  }
  std::ranges::stable_partition(channels_, [](auto const& channel) { return !channel->is_bulk; });
  thread_ = std::thread([this] { run(); });
}

MpiTransport::~MpiTransport() { close(0.0); }

void MpiTransport::add_peer(comm::World const& world, Peer peer, int world_rank,
                            std::size_t max_payload_bytes) {
  FrameLimits const control{.body_bytes = protocol::max_message_bytes, .payload_bytes = 0};
  FrameLimits const bulk{.body_bytes = inline_body_bytes, .payload_bytes = max_payload_bytes};
  channels_.push_back(
      std::make_unique<Channel>(peer, false, requests_, world.control.get(), world_rank, control));
  channels_.push_back(std::make_unique<Channel>(peer, true, requests_, world.bulk.get(), world_rank, bulk));
}

MpiTransport::Channel& MpiTransport::channel(Peer peer, bool is_bulk) {
  auto const found = std::ranges::find_if(
      channels_, [&](auto const& channel) { return channel->peer == peer && channel->is_bulk == is_bulk; });
  if (found != channels_.end()) return **found;
  throw base::RuntimeFailure(fmt::format("{} is no peer of this process", describe(peer)));
}

void MpiTransport::send(Peer to, protocol::Message message, Payload payload) {
  bool const is_bulk = protocol::is_bulk(message);
  base::ensure(is_bulk == (payload && !payload->empty()),
               "payloads travel with the messages that need one, and no others");
  auto& channel = this->channel(to, is_bulk);
  auto const* release = std::get_if<protocol::Release>(&message);
  Channel::Queued queued{
      .frame = {.body = protocol::encode(message), .payload = std::move(payload), .kind = message.index()},
      .release_of = release ? std::optional(release->fragment) : std::nullopt,
      .is_marker = std::holds_alternative<protocol::Marker>(message)};

  std::lock_guard const lock(mutex_);
  base::ensure(!is_closing_, "nothing is sent after close");
  // Nothing overtakes a marker.
  auto const is_marker = [](auto const& waiting) { return waiting.is_marker; };
  auto const begin = std::find_if(channel.queue.rbegin(), channel.queue.rend(), is_marker).base();
  auto const older = std::find_if(begin, channel.queue.end(), [&](auto const& waiting) {
    return queued.release_of && waiting.release_of == queued.release_of;
  });
  if (older != channel.queue.end()) {
    *older = std::move(queued);
  } else {
    channel.queue.push_back(std::move(queued));
  }
  if (channel.queue.size() > (is_bulk ? max_queued_bulk : max_queued_control)) {
    throw base::RuntimeFailure(
        fmt::format("{} takes no messages: {} wait for it", describe(to), channel.queue.size()));
  }
  has_work_ = true;
  work_.notify_one();
}

std::vector<Frame> MpiTransport::receive() {
  std::lock_guard const lock(mutex_);
  if (failure_) std::rethrow_exception(failure_);
  for (auto& channel : channels_) channel->unread = 0;
  return std::exchange(inbox_, {});
}

void MpiTransport::wait(double timeout_s) {
  std::unique_lock lock(mutex_);
  arrival_.wait_for(lock, seconds(timeout_s), [&] { return !inbox_.empty() || failure_; });
}

void MpiTransport::close(double timeout_s) {
  if (!thread_.joinable()) return;
  {
    std::lock_guard const lock(mutex_);
    is_closing_ = true;
    close_by_s_ = base::now_s() + seconds(timeout_s).count();
    has_work_ = true;
    work_.notify_one();
  }
  thread_.join();
  for (auto const& channel : channels_) {
    std::size_t const unsent = channel->queue.size() + (channel->out.is_idle() ? 0 : 1);
    if (unsent == 0) continue;
    base::log::warn(fmt::format("closed before {} had taken everything: {} {} messages are lost",
                                describe(channel->peer), unsent, channel->is_bulk ? "bulk" : "control"));
  }
}

Counters MpiTransport::counters() const {
  std::lock_guard const lock(mutex_);
  return counters_;
}

// ---- the communication thread ------------------------------------------------------------------

void MpiTransport::run() {
  try {
    for (auto& channel : channels_) channel->in.open();
    double moved_s = base::now_s();
    for (;;) {
      bool const has_moved = move_frames();
      double const now_s = base::now_s();
      if (has_moved) moved_s = now_s;
      std::unique_lock lock(mutex_);
      if (is_closing_ && (is_finished() || now_s > close_by_s_)) return;
      if (has_moved) continue;
      work_.wait_for(lock, seconds(pause_s(now_s - moved_s, is_in_flight())), [&] { return has_work_; });
      has_work_ = false;
    }
  } catch (...) {
    std::lock_guard const lock(mutex_);
    failure_ = std::current_exception();
    arrival_.notify_one();
  }
}

bool MpiTransport::move_frames() {
  requests_.look();
  bool has_moved = false;
  for (auto& channel : channels_) {
    has_moved |= send_from(*channel);
    has_moved |= receive_into_inbox(*channel);
  }
  return has_moved;
}

bool MpiTransport::send_from(Channel& channel) {
  bool const has_sent = channel.out.poll();
  if (!channel.out.is_idle()) return false;
  std::unique_lock lock(mutex_);
  if (!channel.queue.empty()) {
    Outgoing frame = std::move(channel.queue.front().frame);
    channel.queue.pop_front();
    ++counters_.frames_sent;
    counters_.bytes_sent += frame.wire_bytes();
    counters_.bytes_sent_by_kind.at(frame.kind) += frame.wire_bytes();
    lock.unlock();
    channel.out.start(std::move(frame));
  } else if (is_closing_ && !channel.said_farewell) {
    lock.unlock();
    channel.said_farewell = true;
    channel.out.start_farewell();
  } else {
    return has_sent;
  }
  return true;
}

bool MpiTransport::receive_into_inbox(Channel& channel) {
  {
    std::lock_guard const lock(mutex_);
    std::size_t const max_unread = channel.is_bulk ? max_unread_bulk : max_unread_control;
    if (channel.unread >= max_unread && !is_closing_) return false;
  }
  try {
    auto arrival = channel.in.poll();
    if (!arrival) return false;
    std::lock_guard const lock(mutex_);
    ++counters_.frames_received;
    counters_.bytes_received += arrival->wire_bytes;
    counters_.bytes_received_by_kind.at(arrival->message.index()) += arrival->wire_bytes;
    if (is_closing_) return true;
    ++channel.unread;
    inbox_.push_back(
        {channel.peer, std::move(arrival->message), std::move(arrival->payload), arrival->wire_bytes});
    arrival_.notify_one();
  } catch (FrameRefused const& refused) {
    base::log::warn_once(fmt::format("frame: {}", refused.what()),
                         fmt::format("dropped a frame from {}: {}", describe(channel.peer), refused.what()));
    std::lock_guard const lock(mutex_);
    ++counters_.frames_refused;
  }
  return true;
}

bool MpiTransport::is_in_flight() const {
  return std::ranges::any_of(
      channels_, [](auto const& channel) { return !channel->out.is_idle() || channel->in.is_midway(); });
}

bool MpiTransport::is_finished() const {
  return std::ranges::all_of(channels_, [](auto const& channel) {
    return channel->said_farewell && channel->out.is_idle() && channel->in.has_ended();
  });
}

}  // namespace atl::transport
