// How much of a model's work is done: counted where it is done.
#pragma once

#include <atomic>
#include <cstdint>

namespace atl::kernels {

// Floating-point operations of all matrix products of this process so far, 2 rows cols inner each.
inline std::atomic<std::uint64_t> product_operations = 0;

// Bytes of all operands of kernels of this process so far, each as often as it is read or written from end to
// end: what goes through memory where caches hold nothing from one kernel to the next.
inline std::atomic<std::uint64_t> bytes_moved = 0;

// Tokens that went forward and backward through a model of this process so far.
inline std::atomic<std::uint64_t> trained_tokens = 0;

template <class... Views>
void moves(Views const&... operands) {
  bytes_moved += (... + (operands.size() * sizeof(typename Views::value_type)));
}

}  // namespace atl::kernels
