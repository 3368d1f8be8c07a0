// What the model is fed: token ids and, for every position, the id that follows.
#pragma once

#include <cstdint>
#include <span>

namespace atl::data {

// Row-major (sequences, context). targets[b, t] is the token that follows tokens[b, t] in the text.
struct Batch {
  std::span<std::int32_t const> tokens;
  std::span<std::int32_t const> targets;
  int sequences = 0;
  int context = 0;
};

}  // namespace atl::data
