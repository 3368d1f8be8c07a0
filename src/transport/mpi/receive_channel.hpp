// The receiving end of a channel: one peer, one lane, one frame at a time.
#pragma once

#include <mpi.h>

#include <memory>
#include <optional>
#include <vector>

#include "transport/mpi/request_table.hpp"
#include "transport/mpi/wire.hpp"
#include "transport/transport.hpp"

namespace atl::transport {

// Used by the communication thread only.
class ReceiveChannel {
 public:
  struct Arrival {
    protocol::Message message;
    std::optional<Introduction> introduction;  // in its place
    std::uint32_t relay = 0;                   // of the header
    Payload payload;
    std::uint64_t wire_bytes = 0;
  };

  ReceiveChannel(RequestTable& requests, MPI_Comm comm, int peer_rank, FrameLimits limits);
  ~ReceiveChannel();  // gives up what is awaited
  ReceiveChannel(ReceiveChannel const&) = delete;
  ReceiveChannel& operator=(ReceiveChannel const&) = delete;

  // Posts the first receive.
  void open();
  // The next frame, if the last look found it whole. Throws FrameRefused for a frame that was dropped; the
  // next call goes on with what follows it. Throws ProcessLost where the peer is gone; then nothing follows.
  std::optional<Arrival> poll();
  bool is_midway() const { return stage_ == Stage::due || stage_ == Stage::landing; }
  // The peer has said farewell: nothing is awaited any more.
  bool has_ended() const { return stage_ == Stage::ended; }

 private:
  enum class Stage {
    first,       // awaiting the first message of a frame
    due,         // its header is known; looking for the rest
    landing,     // the rest is arriving
    lost,        // the last header made no sense; looking for what comes next, its rest or another frame
    discarding,  // what nobody can use is arriving
    ended,
  };
  // What MPI writes to until the request is complete.
  struct Landing {
    std::vector<std::byte> first = std::vector<std::byte>(first_bytes);
    std::vector<std::byte> body;  // where it is not inline
    std::shared_ptr<std::vector<std::byte>> payload;
    std::vector<std::uint32_t> discarded;
  };

  void await_first();
  void find_next();
  void land_rest(MPI_Message& message);
  void read_header(std::size_t bytes);
  std::optional<Arrival> deliver();
  std::optional<Arrival> unpack();

  RequestTable& requests_;
  RequestTable::Slot slot_;
  MPI_Comm comm_;
  int peer_rank_;
  FrameLimits limits_;
  Stage stage_ = Stage::first;
  FrameHeader header_;
  std::uint64_t next_sequence_ = 0;
  std::unique_ptr<Landing> landing_ = std::make_unique<Landing>();
};

}  // namespace atl::transport
