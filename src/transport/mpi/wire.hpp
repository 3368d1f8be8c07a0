// How a frame travels over MPI: one message of bounded length, and at most one more with what did not fit.
#pragma once

#include <cstddef>

#include "transport/frame.hpp"

namespace atl::transport {

// The first message holds the header and, where it fits, the body. Every MPI sends it eagerly.
inline constexpr int tag_first = 1;
inline constexpr std::size_t first_bytes = 2048;
// The rest is the body where it does not fit, or the payload, straight from and to its final place.
inline constexpr int tag_rest = 2;

inline constexpr std::size_t inline_body_bytes = first_bytes - header_bytes;
inline bool is_inline(std::size_t body_bytes) { return body_bytes <= inline_body_bytes; }

// 0: the first message is all.
inline std::size_t rest_bytes(FrameHeader const& header) {
  std::size_t const body = is_inline(header.body_bytes) ? 0 : header.body_bytes;
  return body + header.payload_floats * sizeof(float);
}

}  // namespace atl::transport
