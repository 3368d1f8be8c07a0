#include "transport/frame.hpp"

#include <bit>
#include <cstring>

#include "base/error.hpp"

namespace atl::transport {

namespace {

constexpr std::uint32_t magic = 0x4c4c5441;  // "ATLL"
constexpr std::uint32_t format_version = 4;

// The layout in memory is the layout on the wire.
struct WireHeader {
  std::uint32_t magic;
  std::uint32_t format_version;
  std::uint32_t kind;
  std::uint32_t body_bytes;
  std::uint64_t sequence;
  std::uint64_t payload_bytes;
  std::uint32_t relay;
  std::uint32_t agreement;
  std::uint64_t digest_high;
  std::uint64_t digest_low;
};
static_assert(sizeof(WireHeader) == header_bytes);
static_assert(std::endian::native == std::endian::little, "frames are little-endian");

struct WireIntroduction {
  std::uint64_t life;
  std::uint32_t site;
  std::uint32_t unused;
};
constexpr std::size_t introduction_bytes = sizeof(WireIntroduction);

}  // namespace

HeaderBytes encode_header(FrameHeader const& header) {
  return std::bit_cast<HeaderBytes>(WireHeader{.magic = magic,
                                               .format_version = format_version,
                                               .kind = static_cast<std::uint32_t>(header.kind),
                                               .body_bytes = header.body_bytes,
                                               .sequence = header.sequence,
                                               .payload_bytes = header.payload_bytes,
                                               .relay = header.relay,
                                               .agreement = header.agreement,
                                               .digest_high = header.digest.high,
                                               .digest_low = header.digest.low});
}

FrameHeader decode_header(std::span<std::byte const> bytes, FrameLimits const& limits) {
  if (bytes.size() < header_bytes) throw FrameRefused("shorter than a header");
  WireHeader wire;
  std::memcpy(&wire, bytes.data(), header_bytes);
  if (wire.magic != magic) throw FrameRefused("not a frame");
  if (wire.format_version != format_version) throw FrameRefused("another version of the frame format");
  FrameHeader const header{.kind = static_cast<FrameKind>(wire.kind),
                           .body_bytes = wire.body_bytes,
                           .relay = wire.relay,
                           .agreement = wire.agreement,
                           .sequence = wire.sequence,
                           .payload_bytes = wire.payload_bytes,
                           .digest = {wire.digest_high, wire.digest_low}};
  switch (header.kind) {
    case FrameKind::message:
      if (header.body_bytes > limits.body_bytes) throw FrameRefused("message longer than allowed");
      if (header.payload_bytes > limits.payload_bytes) throw FrameRefused("payload longer than allowed");
      if (header.payload_bytes > 0 && header.agreement != limits.agreement)
        throw FrameRefused("payload of another deck or model");
      return header;
    case FrameKind::farewell:
      if (header.body_bytes != 0 || header.payload_bytes != 0) throw FrameRefused("farewell with contents");
      return header;
    case FrameKind::introduction:
      if (header.body_bytes != introduction_bytes || header.payload_bytes != 0)
        throw FrameRefused("introduction of the wrong size");
      return header;
  }
  throw FrameRefused("unknown kind of frame");
}

base::Digest frame_digest(FrameHeader header, std::span<std::byte const> body,
                          std::span<std::byte const> payload) {
  header.digest = {};
  base::DigestStream digest;
  digest.update(encode_header(header));
  digest.update(body);
  digest.update(payload);
  return digest.value();
}

void check_digest(FrameHeader const& header, std::span<std::byte const> body,
                  std::span<std::byte const> payload) {
  if (frame_digest(header, body, payload) != header.digest) throw FrameRefused("wrong digest");
}

std::vector<std::byte> encode(Introduction const& introduction) {
  auto const wire = std::bit_cast<std::array<std::byte, introduction_bytes>>(
      WireIntroduction{.life = introduction.life, .site = introduction.site, .unused = 0});
  return {wire.begin(), wire.end()};
}

Introduction open_introduction(std::span<std::byte const> body) {
  if (body.size() != introduction_bytes) throw FrameRefused("introduction of the wrong size");
  WireIntroduction wire;
  std::memcpy(&wire, body.data(), introduction_bytes);
  return {.site = wire.site, .life = wire.life};
}

protocol::Message open_message(std::span<std::byte const> body, bool has_payload) {
  try {
    auto message = protocol::decode(body);
    if (protocol::is_bulk(message) != has_payload) throw FrameRefused("payload missing or out of place");
    return message;
  } catch (base::RuntimeFailure const&) {
    throw FrameRefused("unknown or malformed message");
  }
}

}  // namespace atl::transport
