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

MpiTransport::Line::Line(RequestTable& requests, comm::Route const& route, std::size_t max_payload_bytes)
    : control(false, requests, route.control, route.rank,
              {.body_bytes = protocol::max_message_bytes, .payload_bytes = 0}),
      bulk(true, requests, route.bulk, route.rank,
           {.body_bytes = inline_body_bytes, .payload_bytes = max_payload_bytes}) {}

MpiTransport::MpiTransport(comm::World const& world, Options options)
    : options_(options),
      self_{world.here.role == comm::Role::shard ? Peer::Kind::shard : Peer::Kind::site, world.here.group} {
  base::ensure(options.max_payload_bytes <= longest_rest_bytes, "a payload has less than 8 GiB");
  bool const is_shard = self_.kind == Peer::Kind::shard;
  base::ensure(is_shard || world.site.rank() == 0, "only shards and the leaders of sites talk outward");
  for (int shard = 0; shard < world.layout.shards(); ++shard) {
    if (is_shard && shard == self_.index) continue;
    auto& line = add_line(world.route_to_shard(shard));
    line.peer = {Peer::Kind::shard, shard};
    line.to_introduce = options.introduction;
    line.has_process = world.route_to_shard(shard).rank >= 0;
    line.is_over = !line.has_process;
    if (line.is_over) losses_.push_back({.peer = *line.peer});
  }
  for (int site = 0; is_shard && site < world.layout.sites(); ++site) {
    int const ranks = comm::outlives_losses() ? world.layout.site_size(site) : 1;
    for (int rank = 0; rank < ranks; ++rank) {
      auto& line = add_line({world.control.get(), world.bulk.get(), world.layout.leader_rank(site) + rank});
      line.site = site;
      if (rank == 0) line.peer = {Peer::Kind::site, site};
    }
  }
  for (auto& line : lines_) {
    if (!line->has_process) continue;
    line->control.in.open();
    line->bulk.in.open();
  }
  thread_ = std::thread([this] { run(); });
}

MpiTransport::~MpiTransport() { close(0.0); }

MpiTransport::Line& MpiTransport::add_line(comm::Route const& route) {
  return *lines_.emplace_back(std::make_unique<Line>(requests_, route, options_.max_payload_bytes));
}

void MpiTransport::add_line(comm::Route route, int site) {
  std::lock_guard const lock(mutex_);
  new_lines_.emplace_back(route, site);
  has_work_ = true;
  work_.notify_one();
}

MpiTransport::Line* MpiTransport::line_to(Peer peer) {
  bool is_known = false;
  // Only a shard has lines to sites; it passes on what one has for another.
  bool const is_relayed = peer.kind == Peer::Kind::site && self_.kind == Peer::Kind::site;
  for (auto& line : lines_) {
    bool const is_right = is_relayed ? line->peer.has_value() : line->peer == peer;
    is_known = is_known || is_right;
    if (is_right && !line->is_over) return line.get();
  }
  if (is_known) return nullptr;
  throw base::RuntimeFailure(fmt::format("{} is no peer of this process", describe(peer)));
}

bool MpiTransport::reaches(Peer peer) {
  std::lock_guard const lock(mutex_);
  return line_to(peer) != nullptr;
}

void MpiTransport::send(Peer to, protocol::Message message, Payload payload) {
  bool const is_bulk = protocol::is_bulk(message);
  base::ensure(is_bulk == (payload && !payload->empty()),
               "payloads travel with the messages that need one, and no others");
  auto const* release = std::get_if<protocol::Release>(&message);
  bool const is_relayed = to.kind == Peer::Kind::site && self_.kind == Peer::Kind::site;
  Channel::Queued queued{.frame = {.body = protocol::encode(message),
                                   .payload = std::move(payload),
                                   .kind = message.index(),
                                   .relay = is_relayed ? static_cast<std::uint32_t>(to.index) + 1 : 0},
                         .release_of = release ? std::optional(release->fragment) : std::nullopt,
                         .is_whole = release && !release->since,
                         .is_marker = std::holds_alternative<protocol::Marker>(message)};

  std::lock_guard const lock(mutex_);
  base::ensure(!is_closing_, "nothing is sent after close");
  Line* const line = line_to(to);
  if (line == nullptr) return;
  auto& channel = is_bulk ? line->bulk : line->control;
  enqueue(channel, std::move(queued));
  if (channel.queue.size() > (is_bulk ? max_queued_bulk : max_queued_control)) {
    throw base::RuntimeFailure(
        fmt::format("{} takes no messages: {} wait for it", describe(to), channel.queue.size()));
  }
}

// A whole release takes the place of what still waits of its fragment, but nothing overtakes a marker.
void MpiTransport::enqueue(Channel& channel, Channel::Queued queued) {
  auto const is_marker = [](auto const& waiting) { return waiting.is_marker; };
  auto const begin = std::find_if(channel.queue.rbegin(), channel.queue.rend(), is_marker).base();
  auto const is_moot = [fragment = queued.release_of](auto const& waiting) {
    return fragment && waiting.release_of == fragment;
  };
  auto const older = std::find_if(begin, channel.queue.end(), is_moot);
  if (older != channel.queue.end() && queued.is_whole) {
    channel.queue.erase(std::remove_if(older + 1, channel.queue.end(), is_moot), channel.queue.end());
    *older = std::move(queued);
  } else {
    channel.queue.push_back(std::move(queued));
  }
  has_work_ = true;
  work_.notify_one();
}

std::vector<Frame> MpiTransport::receive() {
  std::lock_guard const lock(mutex_);
  if (failure_) std::rethrow_exception(failure_);
  for (auto& line : lines_) line->control.unread = line->bulk.unread = 0;
  return std::exchange(inbox_, {});
}

std::vector<Loss> MpiTransport::losses() {
  std::lock_guard const lock(mutex_);
  return std::exchange(losses_, {});
}

void MpiTransport::wait(double timeout_s) {
  std::unique_lock lock(mutex_);
  arrival_.wait_for(lock, seconds(timeout_s),
                    [&] { return !inbox_.empty() || !losses_.empty() || failure_; });
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
  for (auto const& line : lines_) {
    if (line->is_over || !line->peer) continue;
    for (auto const* channel : {&line->control, &line->bulk}) {
      std::size_t const unsent = channel->queue.size() + (channel->out.is_idle() ? 0 : 1);
      if (unsent == 0) continue;
      base::log::warn(fmt::format("closed before {} had taken everything: {} {} messages are lost",
                                  describe(*line->peer), unsent, channel->is_bulk ? "bulk" : "control"));
    }
  }
}

Counters MpiTransport::counters() const {
  std::lock_guard const lock(mutex_);
  return counters_;
}

// ---- the communication thread ------------------------------------------------------------------

void MpiTransport::run() {
  try {
    double moved_s = base::now_s();
    for (;;) {
      bool const has_moved = move_frames();
      double const now_s = base::now_s();
      if (has_moved) moved_s = now_s;
      std::unique_lock lock(mutex_);
      if (is_closing_ && (is_finished() || now_s > close_by_s_)) return;
      open_new_lines();
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

void MpiTransport::open_new_lines() {
  for (auto const& [route, site] : std::exchange(new_lines_, {})) {
    auto& line = add_line(route);
    line.site = site;
    line.control.in.open();
    line.bulk.in.open();
  }
}

// Control before bulk. Nothing is taken from a line that has not been introduced but the introduction.
bool MpiTransport::move_frames() {
  requests_.look();
  bool has_moved = false;
  for (bool const is_bulk : {false, true}) {
    for (auto& line : lines_) {
      if (!line->has_process) continue;
      try {
        auto& channel = is_bulk ? line->bulk : line->control;
        has_moved |= send_from(*line, channel);
        if (!is_bulk || line->peer) has_moved |= receive_into_inbox(*line, channel);
      } catch (comm::ProcessLost const&) {
        lose(*line);
        has_moved = true;
      }
    }
  }
  return has_moved;
}

bool MpiTransport::send_from(Line& line, Channel& channel) {
  bool const has_sent = channel.out.poll();
  if (!channel.out.is_idle()) return false;
  if (auto const introduction = std::exchange(line.to_introduce, std::nullopt)) {
    line.control.out.start_introduction(*introduction);
    return true;
  }
  std::unique_lock lock(mutex_);
  if (!channel.queue.empty()) {
    Outgoing frame = std::move(channel.queue.front().frame);
    channel.queue.pop_front();
    ++counters_.frames_sent;
    counters_.bytes_sent += frame.wire_bytes();
    counters_.bytes_sent_by_kind.at(frame.kind) += frame.wire_bytes();
    lock.unlock();
    channel.out.start(std::move(frame));
  } else if (is_closing_ && line.peer && !channel.said_farewell) {
    lock.unlock();
    channel.said_farewell = true;
    channel.out.start_farewell();
  } else {
    return has_sent;
  }
  return true;
}

bool MpiTransport::receive_into_inbox(Line& line, Channel& channel) {
  {
    std::lock_guard const lock(mutex_);
    std::size_t const max_unread = channel.is_bulk ? max_unread_bulk : max_unread_control;
    if (channel.unread >= max_unread && !is_closing_) return false;
  }
  try {
    auto arrival = channel.in.poll();
    if (!arrival) return false;
    std::lock_guard const lock(mutex_);
    deliver(line, channel, std::move(*arrival));
  } catch (FrameRefused const& refused) {
    auto const from = line.peer ? describe(*line.peer) : "a stranger";
    base::log::warn_once(fmt::format("frame: {}", refused.what()),
                         fmt::format("dropped a frame from {}: {}", from, refused.what()));
    std::lock_guard const lock(mutex_);
    ++counters_.frames_refused;
  }
  return true;
}

void MpiTransport::deliver(Line& line, Channel& channel, ReceiveChannel::Arrival arrival) {
  if (arrival.introduction) return introduce(line, *arrival.introduction);
  if (!line.peer) throw FrameRefused("not introduced");
  ++counters_.frames_received;
  counters_.bytes_received += arrival.wire_bytes;
  counters_.bytes_received_by_kind.at(arrival.message.index()) += arrival.wire_bytes;
  if (is_closing_ || line.is_over) return;
  bool const is_relayed = arrival.relay > 0;
  if (is_relayed && self_.kind == Peer::Kind::shard) return pass_on(line, std::move(arrival));
  auto const from = is_relayed ? Peer{Peer::Kind::site, static_cast<int>(arrival.relay) - 1} : *line.peer;
  ++channel.unread;
  inbox_.push_back({from, std::move(arrival.message), std::move(arrival.payload), arrival.wire_bytes});
  arrival_.notify_one();
}

void MpiTransport::introduce(Line& line, Introduction const& introduction) {
  Peer const peer{Peer::Kind::site, static_cast<int>(introduction.site)};
  if (line.peer || line.site != peer.index) throw FrameRefused("introduced as another");
  auto const is_later = [&](auto const& other) {
    return other->peer == peer && other->life >= introduction.life;
  };
  if (std::ranges::any_of(lines_, is_later)) throw FrameRefused("introduced too late");
  for (auto& other : lines_) {
    if (other->peer != peer) continue;
    other->is_over = true;
    other->control.queue.clear();
    other->bulk.queue.clear();
  }
  line.peer = peer;
  line.life = introduction.life;
}

// Where the other site does not take it, it is lost: who asks will ask again.
void MpiTransport::pass_on(Line const& from, ReceiveChannel::Arrival arrival) {
  bool const is_bulk = arrival.payload != nullptr;
  Peer const to{Peer::Kind::site, static_cast<int>(arrival.relay) - 1};
  auto const is_right = [&](auto const& line) { return line->peer == to && !line->is_over; };
  auto const line = std::ranges::find_if(lines_, is_right);
  if (line == lines_.end()) return;
  auto& channel = is_bulk ? (*line)->bulk : (*line)->control;
  if (channel.queue.size() >= (is_bulk ? max_unread_bulk : max_unread_control)) return;
  enqueue(channel, {.frame = {.body = protocol::encode(arrival.message),
                              .payload = std::move(arrival.payload),
                              .kind = arrival.message.index(),
                              .relay = static_cast<std::uint32_t>(from.peer->index) + 1}});
}

void MpiTransport::lose(Line& line) {
  std::lock_guard const lock(mutex_);
  line.has_process = false;
  line.control.queue.clear();
  line.bulk.queue.clear();
  bool const was_over = std::exchange(line.is_over, true);
  if (line.peer && line.peer->kind == Peer::Kind::shard) {
    losses_.push_back({.peer = *line.peer});
  } else if (bool const is_last = is_left_by_all(*line.site); is_last || (line.peer && !was_over)) {
    std::uint64_t life = 0;
    for (auto const& other : lines_) {
      if (other->site == line.site) life = std::max(life, other->life);
    }
    losses_.push_back({{Peer::Kind::site, *line.site}, life, is_last});
  }
  arrival_.notify_one();
}

bool MpiTransport::is_left_by_all(int site) const {
  return std::ranges::none_of(lines_,
                              [&](auto const& line) { return line->site == site && line->has_process; });
}

bool MpiTransport::is_in_flight() const {
  auto const moves = [](Channel const& channel) { return !channel.out.is_idle() || channel.in.is_midway(); };
  return std::ranges::any_of(lines_, [&](auto const& line) {
    return line->has_process && (moves(line->control) || moves(line->bulk));
  });
}

bool MpiTransport::is_finished() const {
  auto const has_ended = [](Channel const& channel) {
    return channel.said_farewell && channel.out.is_idle() && channel.in.has_ended();
  };
  return std::ranges::all_of(lines_, [&](auto const& line) {
    return line->is_over || !line->peer || (has_ended(line->control) && has_ended(line->bulk));
  });
}

}  // namespace atl::transport
