// The number of a piece of text, as wide as token files hold it.
#pragma once

#include <cstdint>

namespace atl::data {

using Token = std::uint16_t;

inline constexpr int max_vocab = 65536;

}  // namespace atl::data
