// The head of a safetensors file, and the size of the file.
#include "interop/safetensors_header.hpp"
#include "target.hpp"

void feed(atl::fuzz::Bytes input) {
  namespace interop = atl::interop;
  auto const file_bytes = atl::fuzz::take_number(input);
  constexpr std::size_t length_bytes = 8;
  auto const begin = input.first(std::min(input.size(), length_bytes));
  auto const table_bytes = interop::safetensors_table_bytes("model.safetensors", begin, file_bytes);
  if (table_bytes > input.size() - length_bytes) return;  // the reader reads as much as that, or fails
  auto const head = input.first(length_bytes + table_bytes);
  std::uint64_t end = head.size();
  for (auto const& tensor : interop::parse_safetensors_header("model.safetensors", head, file_bytes)) {
    atl::fuzz::require(tensor.offset == end && tensor.bytes <= file_bytes - end);
    end += tensor.bytes;
  }
  atl::fuzz::require(end == file_bytes);
}
