// Carries messages between sites' leaders and shards; knows nothing of what they mean.
#pragma once

#include <array>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <variant>
#include <vector>

#include "protocol/message.hpp"

namespace atl::transport {

struct Peer {
  enum class Kind : std::uint8_t { shard, site } kind = Kind::shard;
  int index = 0;
  auto operator<=>(Peer const&) const = default;
};

inline std::string describe(Peer peer) {
  return (peer.kind == Peer::Kind::shard ? "shard " : "site ") + std::to_string(peer.index);
}

// Coded numbers, shared between the sends of one release. Which codec: the deck tells both ends.
using Payload = std::shared_ptr<std::vector<std::byte> const>;

struct Frame {
  Peer from;
  protocol::Message message;
  Payload payload;               // empty for control messages
  std::uint64_t wire_bytes = 0;  // with headers, as received
};

// A process with whom this one talked is gone, says the machine under it; silence alone is no loss.
struct Loss {
  Peer peer;
  std::uint64_t life = 0;  // of the peer
  bool is_last = true;     // nobody of it is left that could still introduce itself

  bool operator==(Loss const&) const = default;
};

struct Counters {
  // Bytes by kind of message, indexed as protocol::Message.
  using ByKind = std::array<std::uint64_t, std::variant_size_v<protocol::Message>>;

  std::uint64_t frames_sent = 0, bytes_sent = 0;
  std::uint64_t frames_received = 0, bytes_received = 0;
  std::uint64_t frames_refused = 0;  // damaged or unknown
  std::map<std::string, std::uint64_t> refused_by_cause;
  ByKind bytes_sent_by_kind{};
  ByKind bytes_received_by_kind{};
};

// A channel is (peer, lane): delivered in order; nothing is ordered across lanes, and control never waits for
// bulk. What is sent to a peer that is lost goes nowhere. Between two sites a shard passes messages on. All
// functions are called from the loop thread; the implementation's own thread does the waiting.
class Transport {
 public:
  virtual ~Transport() = default;

  // Local. Enqueues and returns. Releases that still wait are replaced by a newer whole one of their
  // fragment.
  virtual void send(Peer to, protocol::Message message, Payload payload = {}) = 0;
  // Local. All frames in order of arrival; never blocks. Rethrows what went wrong in the background.
  virtual std::vector<Frame> receive() = 0;
  // Local. What was lost since the last call; what the lost had sent before may still come.
  virtual std::vector<Loss> losses() = 0;
  // It is not lost, as far as is known here.
  virtual bool reaches(Peer peer) = 0;
  // Sleeps until a frame or a loss is there or `timeout_s` has passed.
  virtual void wait(double timeout_s) = 0;
  // Sends what is queued and stops; `timeout_s` at most. Nothing may be sent afterwards.
  virtual void close(double timeout_s) = 0;
  virtual Counters counters() const = 0;
};

}  // namespace atl::transport
