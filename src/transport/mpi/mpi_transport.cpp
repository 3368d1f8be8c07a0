#include "transport/mpi/mpi_transport.hpp"

#include <fmt/format.h>
#include <pthread.h>

#include <algorithm>
#include <chrono>
#include <string>
#include <utility>

#include "base/clock.hpp"
#include "base/error.hpp"
#include "base/log.hpp"

namespace atl::transport {

namespace {

// Bounds on what waits for a peer that does not take it.
constexpr std::size_t max_queued_control = 65536;
constexpr std::size_t max_queued_bulk = 4096;

std::chrono::duration<double> seconds(double s) {
  constexpr double longest_s = 3600.0;  // keeps deadlines within what the clock can count
  return std::chrono::duration<double>(std::clamp(s, 0.0, longest_s));
}

}  // namespace

MpiTransport::Line::Line(RequestTable& requests, comm::Route const& route, Options const& options)
    : control(false, requests, route.control, route.rank,
              {.body_bytes = protocol::max_message_bytes, .payload_bytes = 0}),
      bulk(true, requests, route.bulk, route.rank,
           {.body_bytes = inline_body_bytes,
            .payload_bytes = options.max_payload_bytes,
            .agreement = options.agreement}) {}

MpiTransport::MpiTransport(comm::World const& world, Options options)
    : options_(options),
      self_{world.here.role == comm::Role::shard ? Peer::Kind::shard : Peer::Kind::site, world.here.group},
      up_(options.link),
      down_(options.link) {
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
  pthread_setname_np(thread_.native_handle(), "atoll-messages");  // to tell what it costs (top -H)
}

MpiTransport::~MpiTransport() { close(0.0); }

MpiTransport::Line& MpiTransport::add_line(comm::Route const& route) {
  return *lines_.emplace_back(std::make_unique<Line>(requests_, route, options_));
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
                                   .relay = is_relayed ? static_cast<std::uint32_t>(to.index) + 1 : 0,
                                   .agreement = options_.agreement},
                         .release_of = release ? std::optional(release->fragment) : std::nullopt,
                         .is_whole = release && !release->since,
                         .is_marker = std::holds_alternative<protocol::Marker>(message)};

  std::lock_guard const lock(mutex_);
  base::ensure(!is_closing_, "nothing is sent after close");
  if (is_bulk && damage_) {
    queued.frame.is_damaged = *damage_ == Damage::flipped_bit;
    if (*damage_ == Damage::foreign) queued.frame.agreement = ~queued.frame.agreement;
    damage_.reset();
  }
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

void MpiTransport::cut(double for_s) { cut_until_s_ = std::max(cut_until_s_.load(), base::now_s() + for_s); }

void MpiTransport::damage_next(Damage damage) {
  std::lock_guard const lock(mutex_);
  damage_ = damage;
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
      std::size_t const unsent =
          channel->queue.size() + channel->leaving.size() + (channel->out.is_idle() ? 0 : 1);
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

}  // namespace atl::transport
