// The sending end of a channel: one peer, one lane, one frame at a time.
#pragma once

#include <mpi.h>

#include <memory>
#include <span>
#include <vector>

#include "transport/mpi/request_table.hpp"
#include "transport/mpi/wire.hpp"
#include "transport/transport.hpp"

namespace atl::transport {

// A message on its way out.
struct Outgoing {
  std::vector<std::byte> body;
  Payload payload;
  std::size_t kind = 0;  // index in protocol::Message
  std::uint32_t relay = 0;
  std::uint32_t agreement = 0;
  bool is_damaged = false;  // for trials: a bit of the payload flips on its way
  std::uint64_t wire_bytes() const { return header_bytes + body.size() + (payload ? payload->size() : 0); }
};

// Used by the communication thread only.
class SendChannel {
 public:
  SendChannel(RequestTable& requests, MPI_Comm comm, int peer_rank);
  ~SendChannel();  // gives up what is under way
  SendChannel(SendChannel const&) = delete;
  SendChannel& operator=(SendChannel const&) = delete;

  bool is_idle() const { return flight_ == nullptr; }
  // Only while idle.
  void start(Outgoing frame);
  void start_introduction(Introduction const& introduction);
  void start_farewell();
  // True if the last look found that the peer's transport has the frame under way; the channel is idle then.
  // Throws ProcessLost where the peer is gone.
  bool poll();

 private:
  // What MPI reads from until the requests are complete.
  struct Flight {
    Outgoing frame;
    std::vector<std::byte> first;
  };

  void start(FrameHeader header, Outgoing frame);
  void flip_a_bit();
  void start_rest(std::span<std::byte const> rest);

  RequestTable& requests_;
  RequestTable::Slot first_slot_;
  RequestTable::Slot rest_slot_;
  MPI_Comm comm_;
  int peer_rank_;
  std::uint64_t sequence_ = 0;
  std::unique_ptr<Flight> flight_;
};

}  // namespace atl::transport
