// The sending end of a channel: one peer, one lane, one frame at a time.
#pragma once

#include <mpi.h>

#include <array>
#include <memory>
#include <optional>
#include <vector>

#include "transport/mpi/wire.hpp"
#include "transport/transport.hpp"

namespace atoll::transport {

// A message on its way out.
struct Outgoing {
  std::vector<std::byte> body;
  Payload payload;
  std::size_t kind = 0;  // index in protocol::Message
  std::uint64_t wire_bytes() const { return header_bytes + body.size() + (payload ? payload->size() * sizeof(float) : 0); }
};

// Used by the communication thread only.
class SendChannel {
 public:
  SendChannel(MPI_Comm comm, int peer_rank);
  ~SendChannel();
  SendChannel(SendChannel const&) = delete;
  SendChannel& operator=(SendChannel const&) = delete;

  bool is_idle() const { return flight_ == nullptr; }
  // Only while idle.
  void start(Outgoing frame);
  void start_farewell();
  // True when the frame under way has been received by the peer's transport; the channel is idle then. Never blocks.
  bool poll();

 private:
  // What MPI reads from until the requests are complete.
  struct Flight {
    Outgoing frame;
    std::vector<std::byte> first;
    std::array<MPI_Request, 2> requests = {MPI_REQUEST_NULL, MPI_REQUEST_NULL};
  };

  void start(FrameHeader header, Outgoing frame);

  MPI_Comm comm_;
  int peer_rank_;
  std::uint64_t sequence_ = 0;
  std::unique_ptr<Flight> flight_;
};

}  // namespace atoll::transport
