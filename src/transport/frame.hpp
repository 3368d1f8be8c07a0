// What a message looks like on the wire: a header of fixed size, the encoded message, the payload.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <stdexcept>
#include <vector>

#include "base/digest.hpp"
#include "protocol/message.hpp"

namespace atl::transport {

enum class FrameKind : std::uint32_t {
  message = 0,
  farewell = 1,  // nothing more will be sent on this channel; neither body nor payload
  introduction = 2,
};

// The first frame of a line whose other end cannot know who is on it.
struct Introduction {
  std::uint32_t site = 0;
  std::uint64_t life = 0;  // of the site: one of a later life takes the place of the earlier

  bool operator==(Introduction const&) const = default;
};

// On the wire: magic, format version, kind, body_bytes, relay and agreement as 32 bits, the rest as 64,
// little-endian.
struct FrameHeader {
  FrameKind kind = FrameKind::message;
  std::uint32_t body_bytes = 0;
  std::uint32_t relay = 0;      // to a shard: pass it on to this site; from one: it comes from there (+ 1)
  std::uint32_t agreement = 0;  // with a payload: a digest of what its numbers mean
  std::uint64_t sequence = 0;   // counts the frames of a channel
  std::uint64_t payload_bytes = 0;
  base::Digest digest = {};  // of the header without it, the body and the payload

  bool operator==(FrameHeader const&) const = default;
};

inline constexpr std::size_t header_bytes = 56;
using HeaderBytes = std::array<std::byte, header_bytes>;

// What a receiver makes room for, and of whom it takes payloads.
struct FrameLimits {
  std::size_t body_bytes = protocol::max_message_bytes;
  std::size_t payload_bytes = 0;
  std::uint32_t agreement = 0;
};

// A frame that must be dropped. The text says why, the same for all frames with that fault.
struct FrameRefused : std::runtime_error {
  using std::runtime_error::runtime_error;
};

HeaderBytes encode_header(FrameHeader const& header);
// Throws FrameRefused for what is no header of this format, for lengths above the limits and for payloads of
// another deck or model, so that nothing is allocated for those.
FrameHeader decode_header(std::span<std::byte const> bytes, FrameLimits const& limits);

// Of a whole frame, for its header.
base::Digest frame_digest(FrameHeader header, std::span<std::byte const> body,
                          std::span<std::byte const> payload);
// Throws FrameRefused unless it is the one in the header.
void check_digest(FrameHeader const& header, std::span<std::byte const> body,
                  std::span<std::byte const> payload);

std::vector<std::byte> encode(Introduction const& introduction);
// Throws FrameRefused.
Introduction open_introduction(std::span<std::byte const> body);
// Throws FrameRefused where the body is no message, or where one lacks its payload or must not have one.
protocol::Message open_message(std::span<std::byte const> body, bool has_payload);

}  // namespace atl::transport
