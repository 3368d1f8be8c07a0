// Messages over MPI between processes of one job: nonblocking point-to-point only, by a thread of its own.
#pragma once

#include <array>
#include <atomic>
#include <condition_variable>
#include <deque>
#include <exception>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

#include "comm/world.hpp"
#include "transport/modelled_link.hpp"
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
// A line is the two channels to one process. Where the job outlives losses, shards keep a line to every rank
// of a site, and to whom is told them later: whoever comes to lead a site introduces itself, and takes the
// place of its earlier leader.
//
// A modelled link is held up at its site's end, both ways: of a frame that comes, the next is taken only when
// the link is free again, so that what waits for it waits at its sender.
//
// The thread looks every 50-200 us while something moves, every 6 ms while nothing does.
class MpiTransport final : public Transport {
 public:
  struct Options {
    std::size_t max_payload_bytes = 0;              // longer payloads are refused
    std::optional<Introduction> introduction = {};  // of a leader that is not the first of its site
    std::uint32_t agreement = 0;  // a digest of what both ends must make of a payload's numbers
    LinkModel link = {};          // of a site, to all shards together; each way
  };
  enum class Damage { flipped_bit, foreign };

  // Local. `world` outlives the transport; nobody else uses its control and bulk communicators meanwhile.
  MpiTransport(comm::World const& world, Options options);
  ~MpiTransport() override;  // closes without waiting

  // On a shard: another process, which may come to lead `site`.
  void add_line(comm::Route route, int site);

  // Throws RuntimeFailure for a stranger, and where too many messages wait for a peer that takes none.
  void send(Peer to, protocol::Message message, Payload payload = {}) override;
  std::vector<Frame> receive() override;
  std::vector<Loss> losses() override;
  bool reaches(Peer peer) override;
  void wait(double timeout_s) override;
  // Waits until the peers have taken everything and have closed as well; what they still send is dropped.
  // After the timeout what is unsent is given up, with a warning; MPI_Finalize may then not return.
  void close(double timeout_s) override;
  Counters counters() const override;

  // For trials. Nothing comes or goes for so long; what waits does so after.
  void cut(double for_s);
  // For trials: on its way, to the next payload that is sent.
  void damage_next(Damage damage);

 private:
  template <class What>
  struct Due {
    double due_s = 0.0;
    What what;
  };

  struct Channel {
    Channel(bool bulk, RequestTable& requests, MPI_Comm comm, int peer_rank, FrameLimits limits)
        : is_bulk(bulk), out(requests, comm, peer_rank), in(requests, comm, peer_rank, limits) {}

    bool const is_bulk;

    // Under the mutex.
    struct Queued {
      Outgoing frame;
      std::optional<std::uint32_t> release_of = {};  // the fragment
      bool is_whole = false;                         // of a release: takes the place of older ones
      bool is_marker = false;
    };
    std::deque<Queued> queue;
    std::size_t unread = 0;  // frames in the inbox

    // The communication thread's.
    SendChannel out;
    ReceiveChannel in;
    bool said_farewell = false;
    std::deque<Due<Outgoing>> leaving;  // on its way, by the model
    std::deque<Due<ReceiveChannel::Arrival>> arriving;
  };
  struct Line {
    Line(RequestTable& requests, comm::Route const& route, Options const& options);

    Channel control, bulk;
    // Under the mutex.
    std::optional<Peer> peer;  // none: not introduced yet
    std::optional<int> site;   // that it belongs to
    std::uint64_t life = 0;    // of the peer
    bool is_over = false;      // the process is gone, or another has taken its place
    bool has_process = true;
    std::optional<Introduction> to_introduce;
  };

  Line& add_line(comm::Route const& route);
  Line* line_to(Peer peer);  // nullptr: lost
  void enqueue(Channel& channel, Channel::Queued queued);

  void run();
  void open_new_lines();
  bool move_frames(double now_s);
  bool send_from(Line& line, Channel& channel, double now_s);
  std::optional<Outgoing> next_to_send(Channel& channel, double now_s);
  std::optional<Outgoing> take_queued(Channel& channel);
  bool receive_into_inbox(Line& line, Channel& channel, double now_s);
  void refuse(Line const& line, FrameRefused const& why);
  void deliver(Line& line, Channel& channel, ReceiveChannel::Arrival arrival);
  void introduce(Line& line, Introduction const& introduction);
  void pass_on(Line const& from, ReceiveChannel::Arrival arrival);
  void lose(Line& line);
  bool is_left_by_all(int site) const;
  bool is_in_flight() const;
  double next_due_s(double now_s) const;
  bool is_finished() const;

  Options options_;
  Peer self_;
  RequestTable requests_;   // the communication thread's
  ModelledLink up_, down_;  // likewise
  std::atomic<double> cut_until_s_ = 0.0;

  mutable std::mutex mutex_;
  std::condition_variable work_;              // for the communication thread: something to send, or to close
  std::condition_variable arrival_;           // for the loop thread
  std::vector<std::unique_ptr<Line>> lines_;  // changed by the communication thread
  std::vector<std::pair<comm::Route, int>> new_lines_;
  std::vector<Frame> inbox_;
  std::vector<Loss> losses_;
  Counters counters_;
  std::exception_ptr failure_;
  bool has_work_ = false;
  std::optional<Damage> damage_;
  bool is_closing_ = false;
  double close_by_s_ = 0.0;

  std::thread thread_;
};

}  // namespace atl::transport
