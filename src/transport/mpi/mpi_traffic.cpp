// The communication thread's part of MpiTransport: it moves frames between the queues and MPI.
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <limits>
#include <string>
#include <utility>

#include "base/clock.hpp"
#include "base/log.hpp"
#include "transport/mpi/mpi_transport.hpp"

namespace atl::transport {

namespace {

// Bounds on what waits for a loop thread that does not collect it, and on what is on its way by the model.
constexpr std::size_t max_unread_control = 1024;
constexpr std::size_t max_unread_bulk = 8;

std::size_t max_unread(bool is_bulk) { return is_bulk ? max_unread_bulk : max_unread_control; }

// How long to sleep before the next look, after nothing has moved for `quiet_s`: as long as that, so that
// looks become rare after a few. A peer may stand still for long in the middle of a frame: after a second it
// is looked at no more often than an idle one.
double pause_s(double quiet_s, bool is_in_flight) {
  constexpr double shortest_s = 50e-6;
  constexpr double longest_in_flight_s = 200e-6;
  constexpr double longest_s = 6e-3;
  return std::clamp(quiet_s, shortest_s, is_in_flight && quiet_s < 1.0 ? longest_in_flight_s : longest_s);
}

}  // namespace

void MpiTransport::run() {
  try {
    double moved_s = base::now_s();
    for (;;) {
      double const now_s = base::now_s();
      bool const has_moved = move_frames(now_s);
      if (has_moved) moved_s = now_s;
      std::unique_lock lock(mutex_);
      if (is_closing_ && (is_finished() || now_s > close_by_s_)) return;
      open_new_lines();
      if (has_moved) continue;
      double const pause = std::min(pause_s(now_s - moved_s, is_in_flight()), next_due_s(now_s) - now_s);
      work_.wait_for(lock, std::chrono::duration<double>(pause), [&] { return has_work_; });
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
bool MpiTransport::move_frames(double now_s) {
  requests_.look();
  if (now_s < cut_until_s_) return false;
  bool has_moved = false;
  for (bool const is_bulk : {false, true}) {
    for (auto& line : lines_) {
      if (!line->has_process) continue;
      try {
        auto& channel = is_bulk ? line->bulk : line->control;
        has_moved |= send_from(*line, channel, now_s);
        if (!is_bulk || line->peer) has_moved |= receive_into_inbox(*line, channel, now_s);
      } catch (comm::ProcessLost const&) {
        lose(*line);
        has_moved = true;
      }
    }
  }
  return has_moved;
}

bool MpiTransport::send_from(Line& line, Channel& channel, double now_s) {
  bool const has_sent = channel.out.poll();
  if (!channel.out.is_idle()) return false;
  if (auto const introduction = std::exchange(line.to_introduce, std::nullopt)) {
    line.control.out.start_introduction(*introduction);
    return true;
  }
  if (auto frame = next_to_send(channel, now_s)) {
    channel.out.start(std::move(*frame));
    return true;
  }
  {
    std::lock_guard const lock(mutex_);
    bool const is_empty = channel.queue.empty() && channel.leaving.empty();
    if (!is_closing_ || !is_empty || !line.peer || channel.said_farewell) return has_sent;
  }
  channel.said_farewell = true;
  channel.out.start_farewell();
  return true;
}

// Over a modelled link, what waits for it stays in the queue, where it can be overtaken by what makes it
// moot.
std::optional<Outgoing> MpiTransport::next_to_send(Channel& channel, double now_s) {
  if (!up_.is_on()) return take_queued(channel);
  auto& leaving = channel.leaving;
  while (up_.is_free(channel.is_bulk, now_s) && leaving.size() < max_unread(channel.is_bulk)) {
    auto frame = take_queued(channel);
    if (!frame) break;
    double const due_s = up_.send(channel.is_bulk, frame->wire_bytes(), now_s);
    leaving.push_back({due_s, std::move(*frame)});
  }
  if (leaving.empty() || leaving.front().due_s > now_s) return {};
  auto frame = std::move(leaving.front().what);
  leaving.pop_front();
  return frame;
}

std::optional<Outgoing> MpiTransport::take_queued(Channel& channel) {
  std::lock_guard const lock(mutex_);
  if (channel.queue.empty()) return {};
  auto frame = std::move(channel.queue.front().frame);
  channel.queue.pop_front();
  ++counters_.frames_sent;
  counters_.bytes_sent += frame.wire_bytes();
  counters_.bytes_sent_by_kind.at(frame.kind) += frame.wire_bytes();
  return frame;
}

bool MpiTransport::receive_into_inbox(Line& line, Channel& channel, double now_s) {
  bool has_moved = false;
  auto& arriving = channel.arriving;
  {
    std::lock_guard const lock(mutex_);
    auto const has_room = [&] { return channel.unread < max_unread(channel.is_bulk) || is_closing_; };
    for (; !arriving.empty() && arriving.front().due_s <= now_s && has_room(); has_moved = true) {
      deliver(line, channel, std::move(arriving.front().what));
      arriving.pop_front();
    }
    if (!has_room()) return has_moved;
  }
  bool const is_busy = down_.is_on() && (!down_.is_free(channel.is_bulk, now_s) ||
                                         arriving.size() >= max_unread(channel.is_bulk));
  if (is_busy) return has_moved;
  try {
    auto arrival = channel.in.poll();
    if (!arrival) return has_moved;
    if (down_.is_on()) {
      double const due_s = down_.send(channel.is_bulk, arrival->wire_bytes, now_s);
      arriving.push_back({due_s, std::move(*arrival)});
    } else {
      std::lock_guard const lock(mutex_);
      deliver(line, channel, std::move(*arrival));
    }
  } catch (FrameRefused const& refused) {
    std::lock_guard const lock(mutex_);
    refuse(line, refused);
  }
  return true;
}

void MpiTransport::refuse(Line const& line, FrameRefused const& why) {
  auto const from = line.peer ? describe(*line.peer) : "a stranger";
  base::log::warn_once(fmt::format("frame: {}", why.what()),
                       fmt::format("dropped a frame from {}: {}", from, why.what()));
  ++counters_.frames_refused;
  ++counters_.refused_by_cause[why.what()];
}

void MpiTransport::deliver(Line& line, Channel& channel, ReceiveChannel::Arrival arrival) try {
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
} catch (FrameRefused const& refused) {
  refuse(line, refused);
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
  if (channel.queue.size() >= max_unread(is_bulk)) return;
  enqueue(channel, {.frame = {.body = protocol::encode(arrival.message),
                              .payload = std::move(arrival.payload),
                              .kind = arrival.message.index(),
                              .relay = static_cast<std::uint32_t>(from.peer->index) + 1,
                              .agreement = options_.agreement}});
}

void MpiTransport::lose(Line& line) {
  std::lock_guard const lock(mutex_);
  line.has_process = false;
  for (auto* channel : {&line.control, &line.bulk}) {
    channel->queue.clear();
    channel->leaving.clear();
    channel->arriving.clear();
  }
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

// When a modelled link has something to do next: nobody need look before.
double MpiTransport::next_due_s(double now_s) const {
  double next_s = std::numeric_limits<double>::infinity();
  auto const count = [&](double due_s) {
    if (due_s > now_s) next_s = std::min(next_s, due_s);
  };
  for (auto const* link : {&up_, &down_}) {
    for (bool const is_bulk : {false, true}) count(link->free_s(is_bulk));
  }
  for (auto const& line : lines_) {
    for (auto const* channel : {&line->control, &line->bulk}) {
      if (!channel->leaving.empty()) count(channel->leaving.front().due_s);
      if (!channel->arriving.empty()) count(channel->arriving.front().due_s);
    }
  }
  return next_s;
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
