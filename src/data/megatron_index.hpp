// The index (.idx) of a Megatron-LM pair, whose .bin file holds nothing but the tokens.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include "data/token_layout.hpp"

namespace atl::data {

// Megatron-LM's indexed dataset, version 1: "MMIDIDX\0\0", uint64 version, uint8 type of the ids, uint64
// sequences, uint64 entries of the document index; then the sequences' lengths (int32, tokens) and places
// (int64, bytes of the .bin file), and the document index (int64): the sequence that begins each document, at
// the end the number of sequences. Multimodal data has one more byte for each sequence.
//
// `index` is the whole file. The sequences must follow one another and fill the .bin file's `bin_bytes`, so
// that reading it from end to end gives document after document. Throws InputError, naming `where`.
TokenLayout parse_megatron_index(std::string const& where, std::span<std::byte const> index,
                                 std::uint64_t bin_bytes);

}  // namespace atl::data
