// The receiving end of a channel: one peer, one lane, one frame at a time.
#pragma once

#include <mpi.h>

#include <memory>
#include <optional>
#include <vector>

#include "transport/mpi/wire.hpp"
#include "transport/transport.hpp"

namespace atoll::transport {

// Used by the communication thread only.
class ReceiveChannel {
 public:
  struct Arrival {
    protocol::Message message;
    Payload payload;
    std::uint64_t wire_bytes = 0;
  };

  // Posts the first receive.
  ReceiveChannel(MPI_Comm comm, int peer_rank, FrameLimits limits);
  ~ReceiveChannel();
  ReceiveChannel(ReceiveChannel const&) = delete;
  ReceiveChannel& operator=(ReceiveChannel const&) = delete;

  // The next frame, if it has arrived whole. Never blocks. Throws FrameRefused for a frame that was dropped; the next call
  // goes on with what follows it.
  std::optional<Arrival> poll();
  bool is_midway() const { return stage_ == Stage::rest; }
  // The peer has said farewell: nothing is awaited any more.
  bool has_ended() const { return stage_ == Stage::ended; }
  // Gives up what is awaited.
  void cancel();

 private:
  enum class Stage {
    first,     // awaiting the first message of a frame
    rest,      // awaiting the rest of the frame whose header is known
    lost,      // the last header made no sense: whatever comes next may be the rest of its frame
    draining,  // throwing that away
    ended,
  };
  // What MPI writes to until the request is complete.
  struct Landing {
    std::vector<std::byte> first = std::vector<std::byte>(first_bytes);
    std::vector<std::byte> body;  // where it is not inline
    std::shared_ptr<std::vector<float>> payload;
    MPI_Request request = MPI_REQUEST_NULL;
  };

  void await_first();
  bool is_there(MPI_Status& status, bool& is_truncated);
  void look_for_next();
  void take_first(MPI_Status const& status, bool is_truncated);
  void await_rest();
  bool is_whole(MPI_Status const& status, bool is_truncated) const;
  std::optional<Arrival> finish(bool is_whole);

  MPI_Comm comm_;
  int peer_rank_;
  FrameLimits limits_;
  Stage stage_ = Stage::first;
  FrameHeader header_;
  std::uint64_t next_sequence_ = 0;
  std::unique_ptr<Landing> landing_;
};

}  // namespace atoll::transport
