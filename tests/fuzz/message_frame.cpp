// A frame as it comes off the wire. The body is opened whatever the digest says: a peer may be wrong, too.
#include "target.hpp"
#include "transport/frame.hpp"

void feed(atl::fuzz::Bytes input) {
  namespace transport = atl::transport;
  namespace protocol = atl::protocol;
  try {
    auto const header = transport::decode_header(input, {.body_bytes = 1 << 16, .payload_bytes = 1 << 20});
    auto const rest = input.subspan(transport::header_bytes);
    auto const body = rest.first(std::min<std::size_t>(header.body_bytes, rest.size()));
    auto const message = transport::open_message(body, header.payload_bytes > 0);
    auto const bytes = protocol::encode(message);
    atl::fuzz::require(protocol::encode(protocol::decode(bytes)) == bytes);
    transport::check_digest(header, body, rest.subspan(body.size()));
  } catch (transport::FrameRefused const&) {
  }
}
