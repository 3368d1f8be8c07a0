// The number of a piece of text.
#pragma once

#include <cstdint>

namespace atl::data {

// Wider than most token files hold it: int32 files of Megatron's and vocabularies beyond 65536 can be read.
using Token = std::uint32_t;

// Of the tokenizers that `atoll data prepare` makes: the files it writes hold 16 bits a token.
inline constexpr int max_vocab = 65536;

}  // namespace atl::data
