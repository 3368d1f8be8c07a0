// The beginning of a token file, or the index of a Megatron pair, and the size of the file that it speaks of.
#include "data/megatron_index.hpp"
#include "data/token_layout.hpp"
#include "target.hpp"

void feed(atl::fuzz::Bytes input) {
  namespace data = atl::data;
  if (input.empty()) return;
  bool const is_index = input.front() == std::byte{'M'};
  input = input.subspan(1);
  auto const file_bytes = atl::fuzz::take_number(input);
  auto const layout =
      is_index
          ? data::parse_megatron_index("tokens.idx", input, file_bytes)
          : data::parse_token_header(
                "tokens.bin", input.first(std::min<std::size_t>(input.size(), data::token_file_header_bytes)),
                file_bytes);
  // All tokens lie in the file.
  atl::fuzz::require(layout.offset <= file_bytes);
  atl::fuzz::require(layout.tokens <= (file_bytes - layout.offset) / data::width_of(layout.ids));
}
