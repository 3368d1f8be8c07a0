// Links between any two nodes. A channel is (from, to, lane): its frames arrive in order; nothing is ordered
// between channels. What waits behind a cut or for a node that stands still is kept, as a broken connection
// that is mended keeps it.
#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <tuple>
#include <vector>

#include "base/digest.hpp"
#include "base/memory_archive.hpp"
#include "protocol/message.hpp"
#include "sim/coverage.hpp"
#include "sim/draws.hpp"
#include "sim/event_queue.hpp"
#include "sim/fault.hpp"

namespace atl::sim {

// Of every link; a link's own latency and bandwidth are between half of this and one and a half times it.
struct LinkOptions {
  double latency_s = 0.0;
  double bytes_per_s = 1e9;
  double jitter = 0.0;      // a frame's latency is up to this many times longer
  double straggle_s = 0.0;  // what a lost node had sent may come this much later
};

// Steps [from, to) of one life of a site: what a payload holds, by the simulation's own books.
struct StepSpan {
  std::uint64_t from = 0;
  std::uint64_t to = 0;
  bool operator==(StepSpan const&) const = default;
};

// A payload, shared between the frames of one release.
struct Parcel {
  std::shared_ptr<std::vector<std::byte> const> bytes;
  StepSpan holds;
  std::shared_ptr<base::Values const> state = {};  // of a fragment, in a replica
};

struct Frame {
  Node from = 0;
  Node to = 0;
  std::uint64_t life = 0;  // of the sender: which of its connections this came by
  protocol::Message message;
  Parcel parcel;
  std::uint64_t sequence = 0;
  double sent_s = 0.0;
  double leaves_s = 0.0;  // until then it waits for those before it
  double arrives_s = 0.0;
  FaultMask faults = 0;  // that befell this frame itself
  bool is_damaged = false;
  bool is_end = false;  // no message: the sender's transport says that its process is gone
};

class Network {
 public:
  Network(Layout const& layout, LinkOptions const& options, std::uint64_t seed, EventQueue& events,
          FaultBoard& faults);

  // By the connection to the life that the sender has last heard of: to nobody where that is over. A release
  // that still waits is replaced by a newer whole one of its fragment.
  void send(Node from, Node to, protocol::Message message, Parcel parcel = {});
  // The frame that an arrival is about. None: it is held up, or its receiver's transport drops it.
  std::optional<Frame> arrive(std::uint32_t channel);
  // A link was mended or a node goes on: what was held up comes now.
  void release_held();
  // A node is gone: what was under way to it is lost, and of what it had sent in each channel a beginning
  // (perhaps all, perhaps nothing) still arrives, some of it late; then, by the control lane, the word that
  // it is gone.
  void lose(Node node);

  bool is_idle() const;  // nothing is under way from or to a site
  // Of a run that goes on: before anything is sent.
  void begin_life(Node node, std::uint64_t life) { lives_[static_cast<std::size_t>(node)] = life; }
  std::uint64_t life(Node node) const { return lives_[static_cast<std::size_t>(node)]; }
  Coverage const& coverage() const { return coverage_; }
  // Of each kind of message: how often it was sent, and between whom the last time.
  struct Sent {
    std::uint64_t count = 0;
    Node from = 0;
    Node to = 0;
  };
  Sent const& sent(std::size_t kind) const { return sent_[kind]; }
  std::uint64_t refused() const { return refused_; }  // damaged or doubled, dropped by the transport
  // Of all that was sent, when and to whom: two runs that are alike in it were alike.
  base::Digest digest() const { return digest_; }

 private:
  struct Channel {
    Node from = 0;
    Node to = 0;
    double latency_s = 0.0;
    double bytes_per_s = 0.0;
    std::deque<Frame> frames;
    double free_s = 0.0;  // the link takes the next frame
    double last_s = 0.0;  // arrival of the last frame
    std::uint64_t sent = 0;
    std::uint64_t expected = 0;  // sequence number
    bool is_planned = false;     // the arrival of its first frame is in the queue
  };
  using Key = std::tuple<Node, Node, bool>;

  std::uint32_t channel_of(Node from, Node to, bool is_bulk);
  bool replaces_waiting(Channel& channel, Frame const& frame) const;
  void enqueue(std::uint32_t index, Frame frame);
  void plan(std::uint32_t index);
  bool is_held(Channel const& channel) const;
  void cover(Frame const& frame);
  void digest(Node from, Node to, protocol::Message const& message, Parcel const& parcel);

  Layout layout_;
  LinkOptions options_;
  base::Philox random_;
  Draws draws_;
  EventQueue& events_;
  FaultBoard& faults_;
  std::vector<Channel> channels_;
  std::map<Key, std::uint32_t> open_;  // the channels of nodes that live
  std::vector<std::uint64_t> lives_;   // by node
  // By node and peer: the life of the peer that it is connected to; 0: whichever it finds.
  std::vector<std::vector<std::uint64_t>> connected_;
  Coverage coverage_{};
  std::array<Sent, std::variant_size_v<protocol::Message>> sent_{};
  std::uint64_t refused_ = 0;
  base::Digest digest_;
};

}  // namespace atl::sim
