#include "transport/mpi/send_channel.hpp"

#include <span>
#include <utility>

#include "base/error.hpp"
#include "comm/communicator.hpp"

namespace atl::transport {

using comm::check_mpi;

SendChannel::SendChannel(RequestTable& requests, MPI_Comm comm, int peer_rank)
    : requests_(requests),
      first_slot_(requests.add()),
      rest_slot_(requests.add()),
      comm_(comm),
      peer_rank_(peer_rank) {}

SendChannel::~SendChannel() {
  bool const is_first_over = requests_.give_up(first_slot_);
  bool const is_rest_over = requests_.give_up(rest_slot_);
  // MPI goes on reading from a frame that the peer has not taken, so it stays where it is to the end.
  if (!is_first_over || !is_rest_over) static_cast<void>(flight_.release());
}

void SendChannel::start(Outgoing frame) {
  FrameHeader const header{.kind = FrameKind::message,
                           .body_bytes = static_cast<std::uint32_t>(frame.body.size()),
                           .relay = frame.relay,
                           .agreement = frame.agreement,
                           .payload_bytes = frame.payload ? frame.payload->size() : 0};
  start(header, std::move(frame));
}

void SendChannel::start_introduction(Introduction const& introduction) {
  Outgoing frame{.body = encode(introduction)};
  auto const bytes = static_cast<std::uint32_t>(frame.body.size());
  start(FrameHeader{.kind = FrameKind::introduction, .body_bytes = bytes}, std::move(frame));
}

void SendChannel::start_farewell() { start(FrameHeader{.kind = FrameKind::farewell}, {}); }

void SendChannel::start(FrameHeader header, Outgoing frame) {
  base::ensure(is_idle(), "a channel sends one frame at a time");
  flight_ = std::make_unique<Flight>();
  flight_->frame = std::move(frame);
  auto const& body = flight_->frame.body;
  auto const payload = flight_->frame.payload ? std::span<std::byte const>(*flight_->frame.payload)
                                              : std::span<std::byte const>();
  base::ensure(is_inline(body.size()) || payload.empty(), "a message with a payload must be short");

  header.sequence = sequence_++;
  header.digest = frame_digest(header, body, payload);
  auto const head = encode_header(header);
  auto& first = flight_->first;
  first.assign(head.begin(), head.end());
  if (is_inline(body.size())) first.insert(first.end(), body.begin(), body.end());

  // Synchronous mode: complete when the peer has taken it. A peer that takes nothing then holds one frame of
  // ours inside MPI, not all of MPI's buffers, which other peers need.
  check_mpi(MPI_Issend(first.data(), static_cast<int>(first.size()), MPI_BYTE, peer_rank_, tag_first, comm_,
                       requests_.start(first_slot_)),
            "MPI_Issend");
  if (!payload.empty()) {
    if (flight_->frame.is_damaged) flip_a_bit();
    start_rest(*flight_->frame.payload);
  } else if (!is_inline(body.size())) {
    start_rest(body);
  }
}

void SendChannel::flip_a_bit() {
  auto& payload = flight_->frame.payload;
  auto damaged = std::make_shared<std::vector<std::byte>>(*payload);
  (*damaged)[damaged->size() / 2] ^= std::byte{1};
  payload = std::move(damaged);
}

void SendChannel::start_rest(std::span<std::byte const> rest) {
  auto const [count, type] = extent_of(rest.size());
  check_mpi(MPI_Isend(rest.data(), count, type, peer_rank_, tag_rest, comm_, requests_.start(rest_slot_)),
            "MPI_Isend");
}

bool SendChannel::poll() {
  requests_.take(first_slot_);
  requests_.take(rest_slot_);
  if (is_idle() || !requests_.is_idle(first_slot_) || !requests_.is_idle(rest_slot_)) return false;
  flight_.reset();
  return true;
}

}  // namespace atl::transport
