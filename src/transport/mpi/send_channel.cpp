#include "transport/mpi/send_channel.hpp"

#include <utility>

#include "base/error.hpp"
#include "comm/communicator.hpp"

namespace atoll::transport {

using comm::check_mpi;

SendChannel::SendChannel(MPI_Comm comm, int peer_rank) : comm_(comm), peer_rank_(peer_rank) {}

SendChannel::~SendChannel() {
  // MPI still reads from a flight that the peer never received: it stays where it is until the process ends.
  static_cast<void>(flight_.release());
}

void SendChannel::start(Outgoing frame) {
  FrameHeader const header{.kind = FrameKind::message,
                           .body_bytes = static_cast<std::uint32_t>(frame.body.size()),
                           .payload_floats = frame.payload ? frame.payload->size() : 0};
  start(header, std::move(frame));
}

void SendChannel::start_farewell() { start(FrameHeader{.kind = FrameKind::farewell}, {}); }

void SendChannel::start(FrameHeader header, Outgoing frame) {
  base::ensure(is_idle(), "a channel sends one frame at a time");
  flight_ = std::make_unique<Flight>();
  flight_->frame = std::move(frame);
  auto const& body = flight_->frame.body;
  auto const payload = flight_->frame.payload ? std::span<float const>(*flight_->frame.payload) : std::span<float const>();
  base::ensure(is_inline(body.size()) || payload.empty(), "a message with a payload must be short");

  header.sequence = sequence_++;
  header.digest = frame_digest(header, body, payload);
  auto const head = encode_header(header);
  auto& first = flight_->first;
  first.assign(head.begin(), head.end());
  if (is_inline(body.size())) first.insert(first.end(), body.begin(), body.end());

  // Synchronous mode: complete when the peer has taken it. A peer that takes nothing then holds one frame of ours inside
  // MPI, not all of MPI's buffers, which other peers need.
  check_mpi(MPI_Issend(first.data(), static_cast<int>(first.size()), MPI_BYTE, peer_rank_, tag_first, comm_,
                       &flight_->requests[0]),
            "MPI_Issend");
  if (!payload.empty()) {
    check_mpi(MPI_Isend(payload.data(), static_cast<int>(payload.size()), MPI_FLOAT, peer_rank_, tag_rest, comm_,
                        &flight_->requests[1]),
              "MPI_Isend");
  } else if (!is_inline(body.size())) {
    check_mpi(MPI_Isend(body.data(), static_cast<int>(body.size()), MPI_BYTE, peer_rank_, tag_rest, comm_,
                        &flight_->requests[1]),
              "MPI_Isend");
  }
}

bool SendChannel::poll() {
  base::ensure(!is_idle(), "nothing is under way");
  int done = 0;
  check_mpi(MPI_Testall(2, flight_->requests.data(), &done, MPI_STATUSES_IGNORE), "MPI_Testall");
  if (done != 0) flight_.reset();
  return done != 0;
}

}  // namespace atoll::transport
