// Messages over MPI between processes of one job: nonblocking point-to-point only, by a thread of its own.
#pragma once

#include <array>
#include <condition_variable>
#include <deque>
#include <exception>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

#include "comm/world.hpp"
#include "transport/mpi/receive_channel.hpp"
#include "transport/mpi/send_channel.hpp"
#include "transport/transport.hpp"

namespace atl::transport {

// For shards and leaders of sites: a leader talks to all shards, a shard to all leaders and all other shards.
//
// A peer that does not receive delays nobody else, and no control message waits for a payload: every (peer,
// lane) is a channel of its own, with one frame at a time inside MPI. A frame that is damaged or unknown is
// counted, logged once for each cause and dropped.
//
// The thread looks every 50-200 us while something moves, every 2 ms while nothing does.
class MpiTransport final : public Transport {
 public:
  struct Options {
    std::size_t max_payload_bytes = 0;  // longer payloads are refused
  };

  // Local. `world` outlives the transport; nobody else uses its control and bulk communicators meanwhile.
  MpiTransport(comm::World const& world, Options options);
  ~MpiTransport() override;  // closes without waiting

  // Throws RuntimeFailure for a stranger, and where too many messages wait for a peer that takes none.
  void send(Peer to, protocol::Message message, Payload payload = {}) override;
  std::vector<Frame> receive() override;
  void wait(double timeout_s) override;
  // Waits until the peers have taken everything and have closed as well; what they still send is dropped.
  // After the timeout what is unsent is given up, with a warning; MPI_Finalize may then not return.
  void close(double timeout_s) override;
  Counters counters() const override;

 private:
  struct Channel {
    Channel(Peer the_peer, bool bulk, RequestTable& requests, MPI_Comm comm, int peer_rank,
            FrameLimits limits)
        : peer(the_peer),
          is_bulk(bulk),
          out(requests, comm, peer_rank),
          in(requests, comm, peer_rank, limits) {}

    Peer const peer;
    bool const is_bulk;

    // Under the mutex.
    struct Queued {
      Outgoing frame;
      std::optional<std::uint32_t> release_of;  // the fragment, so that a newer release can take its place
      bool is_marker = false;
    };
    std::deque<Queued> queue;
    std::size_t unread = 0;  // frames in the inbox

    // The communication thread's.
    SendChannel out;
    ReceiveChannel in;
    bool said_farewell = false;
  };

  void add_peer(comm::World const& world, Peer peer, int world_rank, std::size_t max_payload_bytes);
  Channel& channel(Peer peer, bool is_bulk);

  void run();
  bool move_frames();
  bool send_from(Channel& channel);
  bool receive_into_inbox(Channel& channel);
  bool is_in_flight() const;
  bool is_finished() const;

  RequestTable requests_;                           // the communication thread's
  std::vector<std::unique_ptr<Channel>> channels_;  // all control channels, then all bulk channels

  mutable std::mutex mutex_;
  std::condition_variable work_;     // for the communication thread: something to send, or to close
  std::condition_variable arrival_;  // for the loop thread
  std::vector<Frame> inbox_;
  Counters counters_;
  std::exception_ptr failure_;
  bool has_work_ = false;
  bool is_closing_ = false;
  double close_by_s_ = 0.0;

  std::thread thread_;
};

}  // namespace atl::transport
