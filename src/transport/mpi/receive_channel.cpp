#include "transport/mpi/receive_channel.hpp"

#include <span>
#include <utility>

#include "comm/communicator.hpp"

namespace atoll::transport {

using comm::check_mpi;

ReceiveChannel::ReceiveChannel(RequestTable& requests, MPI_Comm comm, int peer_rank, FrameLimits limits)
    : requests_(requests), slot_(requests.add()), comm_(comm), peer_rank_(peer_rank), limits_(limits) {}

ReceiveChannel::~ReceiveChannel() {
  // A message half way here cannot be cancelled, and MPI goes on writing: its place stays until the process ends.
  if (!requests_.give_up(slot_)) static_cast<void>(landing_.release());
}

void ReceiveChannel::open() { await_first(); }

std::optional<ReceiveChannel::Arrival> ReceiveChannel::poll() {
  if (stage_ == Stage::lost) find_next();
  auto const received = requests_.take(slot_);
  if (!received) return {};

  if (stage_ == Stage::draining) {
    stage_ = Stage::lost;
    return {};
  }
  if (stage_ == Stage::first) {
    stage_ = Stage::lost;  // unless the header makes sense
    read_header(*received);
    if (header_.payload_floats > 0 || !is_inline(header_.body_bytes)) {
      await_rest();
      return {};
    }
  } else if (received->is_cut || received->bytes != landing_->body.size() + header_.payload_floats * sizeof(float)) {
    await_first();
    throw FrameRefused("rest of another length than announced");
  }

  try {
    auto arrival = unpack();
    if (header_.kind == FrameKind::farewell) {
      stage_ = Stage::ended;
    } else {
      await_first();
    }
    return arrival;
  } catch (FrameRefused const&) {
    await_first();
    throw;
  }
}

void ReceiveChannel::await_first() {
  stage_ = Stage::first;
  landing_->body.clear();
  landing_->payload.reset();
  check_mpi(MPI_Irecv(landing_->first.data(), static_cast<int>(first_bytes), MPI_BYTE, peer_rank_, tag_first, comm_,
                      requests_.start(slot_)),
            "MPI_Irecv");
}

void ReceiveChannel::await_rest() {
  stage_ = Stage::rest;
  void* place = nullptr;
  std::size_t count = 0;
  MPI_Datatype type = MPI_BYTE;
  if (header_.payload_floats > 0) {
    landing_->payload = std::make_shared<std::vector<float>>(header_.payload_floats);
    place = landing_->payload->data();
    count = header_.payload_floats;
    type = MPI_FLOAT;
  } else {
    landing_->body.resize(header_.body_bytes);
    place = landing_->body.data();
    count = header_.body_bytes;
  }
  check_mpi(MPI_Irecv(place, static_cast<int>(count), type, peer_rank_, tag_rest, comm_, requests_.start(slot_)), "MPI_Irecv");
}

// MPI matches messages of one sender in the order they were sent, whatever their tags: so this finds the rest of the frame
// that made no sense, if it has one, before the frame that follows it.
void ReceiveChannel::find_next() {
  int is_found = 0;
  MPI_Message message = MPI_MESSAGE_NULL;
  MPI_Status status;
  check_mpi(MPI_Improbe(peer_rank_, MPI_ANY_TAG, comm_, &is_found, &message, &status), "MPI_Improbe");
  if (is_found == 0) return;
  stage_ = status.MPI_TAG == tag_first ? Stage::first : Stage::draining;
  check_mpi(MPI_Imrecv(landing_->first.data(), static_cast<int>(first_bytes), MPI_BYTE, &message, requests_.start(slot_)),
            "MPI_Imrecv");
}

void ReceiveChannel::read_header(RequestTable::Completion const& received) {
  if (received.is_cut) throw FrameRefused("longer than a first message");
  header_ = decode_header(std::span(landing_->first).first(received.bytes), limits_);
  std::size_t const body_here = is_inline(header_.body_bytes) ? header_.body_bytes : 0;
  if (received.bytes != header_bytes + body_here) throw FrameRefused("first message of another length than announced");
}

// The frame that is here whole; nothing for a farewell.
std::optional<ReceiveChannel::Arrival> ReceiveChannel::unpack() {
  std::span<std::byte const> const body = is_inline(header_.body_bytes)
                                              ? std::span(landing_->first).subspan(header_bytes, header_.body_bytes)
                                              : std::span(landing_->body);
  auto const payload = landing_->payload ? std::span<float const>(*landing_->payload) : std::span<float const>();
  if (header_.sequence < next_sequence_) throw FrameRefused("repeated");
  Arrival arrival;
  if (header_.kind == FrameKind::message) {
    arrival.message = open_frame(header_, body, payload);
  } else if (frame_digest(header_, body, payload) != header_.digest) {
    throw FrameRefused("wrong digest");
  }
  next_sequence_ = header_.sequence + 1;
  if (header_.kind == FrameKind::farewell) return {};
  arrival.payload = std::move(landing_->payload);
  arrival.wire_bytes = header_bytes + header_.body_bytes + header_.payload_floats * sizeof(float);
  return arrival;
}

}  // namespace atoll::transport
