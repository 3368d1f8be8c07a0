// The codecs of less than 16 bits (PROTOCOL.md §5): blocks of 256 numbers, each its scale and then its codes.
#pragma once

#include <cstddef>
#include <span>

#include "outer/codec.hpp"

namespace atl::outer {

// For int8, int4 and e3m0 alone; sizes as codec.hpp says.
std::size_t encoded_block_bytes(Codec codec, std::size_t count);
void encode_blocks(Codec codec, std::span<float const> values, std::span<std::byte> out);
void decode_blocks(Codec codec, std::span<std::byte const> bytes, std::span<float> out);

}  // namespace atl::outer
