#include "transport/mpi/receive_channel.hpp"

#include <span>
#include <utility>

#include "comm/communicator.hpp"

namespace atl::transport {

using comm::check_mpi;

ReceiveChannel::ReceiveChannel(RequestTable& requests, MPI_Comm comm, int peer_rank, FrameLimits limits)
    : requests_(requests), slot_(requests.add()), comm_(comm), peer_rank_(peer_rank), limits_(limits) {}

ReceiveChannel::~ReceiveChannel() {
  // A message half way here cannot be cancelled. MPI goes on writing, so its place stays to the end.
  if (!requests_.give_up(slot_)) static_cast<void>(landing_.release());
}

void ReceiveChannel::open() { await_first(); }

std::optional<ReceiveChannel::Arrival> ReceiveChannel::poll() {
  if (stage_ == Stage::due || stage_ == Stage::lost) find_next();
  auto const received_bytes = requests_.take(slot_);
  if (!received_bytes) return {};
  switch (std::exchange(stage_, Stage::lost)) {  // unless what has arrived makes sense
    case Stage::first:
      read_header(*received_bytes);
      if (rest_bytes(header_) == 0) return deliver();
      stage_ = Stage::due;
      return {};
    case Stage::landing:
      return deliver();
    default:
      landing_->discarded = {};
      return {};
  }
}

void ReceiveChannel::await_first() {
  stage_ = Stage::first;
  landing_->body.clear();
  landing_->payload.reset();
  check_mpi(MPI_Irecv(landing_->first.data(), static_cast<int>(first_bytes), MPI_BYTE, peer_rank_, tag_first,
                      comm_, requests_.start(slot_)),
            "MPI_Irecv");
}

// MPI finds the messages of one sender in the order they were sent, whatever their tags. So what is found
// while a rest is due is that rest, or a sign that it never came; what is found while lost is the rest of the
// frame that made no sense, or the frame after it. Nothing is received without room for all of it: Open
// MPI 5.0 (ob1 over shared memory) does not cut a long message but writes past the end.
void ReceiveChannel::find_next() {
  int is_found = 0;
  MPI_Message message = MPI_MESSAGE_NULL;
  MPI_Status status;
  check_mpi(MPI_Improbe(peer_rank_, MPI_ANY_TAG, comm_, &is_found, &message, &status), "MPI_Improbe");
  if (is_found == 0) return;
  MPI_Count count = 0;
  check_mpi(MPI_Get_elements_x(&status, MPI_BYTE, &count), "MPI_Get_elements_x");
  auto const bytes = static_cast<std::size_t>(count);
  bool const is_first = status.MPI_TAG == tag_first;
  bool const is_due = stage_ == Stage::due;

  if (is_due && !is_first && bytes == rest_bytes(header_)) {
    stage_ = Stage::landing;
    land_rest(message);
  } else if (is_first && bytes <= first_bytes) {
    stage_ = Stage::first;
    check_mpi(MPI_Imrecv(landing_->first.data(), static_cast<int>(bytes), MPI_BYTE, &message,
                         requests_.start(slot_)),
              "MPI_Imrecv");
  } else {
    stage_ = Stage::discarding;
    landing_->discarded.resize((bytes + 3) / 4);
    check_mpi(MPI_Imrecv(landing_->discarded.data(), static_cast<int>(landing_->discarded.size()),
                         MPI_UINT32_T, &message, requests_.start(slot_)),
              "MPI_Imrecv");
  }
  if (is_due && stage_ != Stage::landing) throw FrameRefused("rest missing or of another length");
  if (is_first && stage_ != Stage::first) throw FrameRefused("longer than a first message");
}

void ReceiveChannel::land_rest(MPI_Message& message) {
  std::byte* place = nullptr;
  if (header_.payload_bytes > 0) {
    landing_->payload = std::make_shared<std::vector<std::byte>>(header_.payload_bytes);
    place = landing_->payload->data();
  } else {
    landing_->body.resize(header_.body_bytes);
    place = landing_->body.data();
  }
  auto const [count, type] = extent_of(rest_bytes(header_));
  check_mpi(MPI_Imrecv(place, count, type, &message, requests_.start(slot_)), "MPI_Imrecv");
}

void ReceiveChannel::read_header(std::size_t bytes) {
  header_ = decode_header(std::span(landing_->first).first(bytes), limits_);
  std::size_t const body_here = is_inline(header_.body_bytes) ? header_.body_bytes : 0;
  if (bytes != header_bytes + body_here) throw FrameRefused("first message of another length than announced");
}

// The frame, which is here whole; and on to the next.
std::optional<ReceiveChannel::Arrival> ReceiveChannel::deliver() {
  try {
    auto arrival = unpack();
    if (arrival) {
      await_first();
    } else {
      stage_ = Stage::ended;
    }
    return arrival;
  } catch (FrameRefused const&) {
    await_first();
    throw;
  }
}

// Nothing for a farewell.
std::optional<ReceiveChannel::Arrival> ReceiveChannel::unpack() {
  std::span<std::byte const> const body =
      is_inline(header_.body_bytes) ? std::span(landing_->first).subspan(header_bytes, header_.body_bytes)
                                    : std::span(landing_->body);
  auto const payload =
      landing_->payload ? std::span<std::byte const>(*landing_->payload) : std::span<std::byte const>();
  if (header_.sequence < next_sequence_) throw FrameRefused("repeated");
  check_digest(header_, body, payload);
  next_sequence_ = header_.sequence + 1;
  if (header_.kind == FrameKind::farewell) return {};
  Arrival arrival{.message = {},
                  .introduction = {},
                  .relay = header_.relay,
                  .payload = {},
                  .wire_bytes = header_bytes + header_.body_bytes + header_.payload_bytes};
  if (header_.kind == FrameKind::introduction) {
    arrival.introduction = open_introduction(body);
    return arrival;
  }
  arrival.message = open_message(body, !payload.empty());
  arrival.payload = std::move(landing_->payload);
  return arrival;
}

}  // namespace atl::transport
