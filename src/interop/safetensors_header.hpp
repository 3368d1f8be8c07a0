// The head of a safetensors file: eight bytes of length, then a JSON table of the tensors that follow.
// The format: https://github.com/huggingface/safetensors
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace atl::interop {

// As the format's own reader has it; no real table comes near.
inline constexpr std::uint64_t max_safetensors_header_bytes = 100'000'000;

using Shape = std::vector<std::uint64_t>;

// A tensor in a file: little-endian, row-major.
struct StoredTensor {
  std::string name;
  std::string dtype;         // "F32", "BF16", ...
  Shape shape;               // empty: one number
  std::uint64_t offset = 0;  // in the file
  std::uint64_t bytes = 0;
};

// The bytes of the JSON table, from the first eight bytes of a file of `file_bytes`. Throws InputError where
// the file is too short for them, or for the table.
std::uint64_t safetensors_table_bytes(std::string const& where, std::span<std::byte const> begin,
                                      std::uint64_t file_bytes);

// The tensors of a file in the order of their data, from its head: the eight bytes and all of the table. They
// fill the rest of the file without gap or overlap. Throws InputError for all else; never needs more memory
// than a few times the head. `where` names the file in messages.
std::vector<StoredTensor> parse_safetensors_header(std::string const& where, std::span<std::byte const> head,
                                                   std::uint64_t file_bytes);

// The head of a file that holds fp32 tensors of these names and shapes, one after the other.
struct NamedShape {
  std::string name;
  Shape shape;
};
std::string safetensors_header(std::span<NamedShape const> tensors);

// The product of the extents times `unit`. Throws InputError where it passes 2^63.
std::uint64_t bytes_of_shape(std::string const& where, Shape const& shape, std::uint64_t unit);

}  // namespace atl::interop
