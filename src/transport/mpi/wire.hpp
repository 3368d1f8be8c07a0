// How a frame travels over MPI: one message of bounded length, and at most one more with what did not fit.
#pragma once

#include <mpi.h>

#include <cstddef>
#include <limits>

#include "transport/frame.hpp"

namespace atl::transport {

// The first message holds the header and, where it fits, the body. Every MPI sends it eagerly.
inline constexpr int tag_first = 1;
inline constexpr std::size_t first_bytes = 2048;
// The rest is the body where it does not fit, or the payload, straight from and to its final place.
inline constexpr int tag_rest = 2;

inline constexpr std::size_t inline_body_bytes = first_bytes - header_bytes;
inline bool is_inline(std::size_t body_bytes) { return body_bytes <= inline_body_bytes; }

// MPI counts in int, so a rest is counted in words of 4 bytes where it is made of such.
struct Extent {
  int count = 0;
  MPI_Datatype type = MPI_BYTE;
};
inline constexpr std::size_t longest_rest_bytes = 4 * std::size_t{std::numeric_limits<int>::max()};
inline Extent extent_of(std::size_t bytes) {
  bool const in_words = bytes % 4 == 0;
  return {static_cast<int>(in_words ? bytes / 4 : bytes), in_words ? MPI_UINT32_T : MPI_BYTE};
}

// 0: the first message is all.
inline std::size_t rest_bytes(FrameHeader const& header) {
  std::size_t const body = is_inline(header.body_bytes) ? 0 : header.body_bytes;
  return body + header.payload_bytes;
}

}  // namespace atl::transport
