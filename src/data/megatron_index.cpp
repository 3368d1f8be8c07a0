#include "data/megatron_index.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>

#include "base/error.hpp"

namespace atl::data {

namespace {

using namespace std::string_view_literals;

constexpr auto magic = "MMIDIDX\0\0"sv;
constexpr std::uint64_t header_bytes = 9 + 8 + 1 + 8 + 8;
constexpr std::uint64_t sequence_bytes = sizeof(std::int32_t) + sizeof(std::int64_t);

[[noreturn]] void refuse(std::string const& where, std::string what) {
  throw base::InputError(where, std::move(what),
                         "make the .bin and .idx pair again with Megatron's preprocess_data.py; a .bin file "
                         "that is none of Megatron's must have no .idx file beside it");
}

IdType id_type(std::string const& where, unsigned code) {
  switch (code) {
    case 1:
      return IdType::u8;
    case 2:
      return IdType::i8;
    case 3:
      return IdType::i16;
    case 4:
      return IdType::i32;
    case 5:
      return IdType::i64;
    case 6:
    case 7:
      refuse(where, "says that it holds floating-point numbers, not token ids");
    case 8:
      return IdType::u16;
    default:
      refuse(where, fmt::format("has the unknown type {} for its ids", code));
  }
}

struct Header {
  IdType ids = IdType::u16;
  std::uint64_t sequences = 0, entries = 0;  // `entries` of the document index
};

Header parse_header(std::string const& where, std::span<std::byte const> index) {
  auto const begins_with = std::min(index.size(), magic.size());
  if (!std::ranges::equal(index.first(begins_with), std::as_bytes(std::span(magic)).first(begins_with))) {
    refuse(where, "is no index of Megatron's: it does not begin with MMIDIDX");
  }
  if (index.size() < header_bytes) {
    refuse(where,
           fmt::format("is cut off: its header has {} bytes, the file {}", header_bytes, index.size()));
  }
  if (auto const version = number_at<std::uint64_t>(index, 9); version != 1) {
    refuse(where, fmt::format("has version {} of the format; only version 1 is known", version));
  }
  Header const header{.ids = id_type(where, number_at<std::uint8_t>(index, 17)),
                      .sequences = number_at<std::uint64_t>(index, 18),
                      .entries = number_at<std::uint64_t>(index, 26)};
  // Compared by division: the products of false numbers may not fit.
  auto const rest = index.size() - header_bytes;
  bool const fits = header.sequences <= rest / sequence_bytes &&
                    header.entries <= (rest - header.sequences * sequence_bytes) / sizeof(std::int64_t);
  if (!fits) {
    refuse(where,
           fmt::format("is cut off: {} sequences and {} entries of the document index do not fit in {} "
                       "bytes",
                       header.sequences, header.entries, index.size()));
  }
  auto const modes = rest - header.sequences * sequence_bytes - header.entries * sizeof(std::int64_t);
  if (modes != 0 && modes != header.sequences) {
    refuse(where, fmt::format("is longer than it says, by {} bytes", modes));
  }
  if (header.sequences == 0) refuse(where, "holds no sequences");
  return header;
}

// The number of tokens in sequences that follow one another from the first byte on.
std::uint64_t count_tokens(std::string const& where, std::span<std::byte const> index, Header const& header,
                           std::uint64_t bin_bytes) {
  auto const width = width_of(header.ids);
  auto const lengths = index.subspan(header_bytes, header.sequences * sizeof(std::int32_t));
  auto const places = index.subspan(header_bytes + lengths.size(), header.sequences * sizeof(std::int64_t));
  std::uint64_t tokens = 0;
  for (std::uint64_t i = 0; i < header.sequences; ++i) {
    auto const length = number_at<std::int32_t>(lengths, i * sizeof(std::int32_t));
    auto const place = number_at<std::int64_t>(places, i * sizeof(std::int64_t));
    if (length < 0) refuse(where, fmt::format("says that sequence {} has {} tokens", i, length));
    if (place < 0 || static_cast<std::uint64_t>(place) != tokens * width) {
      refuse(where,
             fmt::format("says that sequence {} begins at byte {} of the .bin file; those before it end "
                         "at byte {}",
                         i, place, tokens * width));
    }
    tokens += static_cast<std::uint64_t>(length);
    if (tokens > bin_bytes / width) {
      refuse(where,
             fmt::format("speaks of more tokens than the .bin file has in its {} bytes: sequence {} ends "
                         "beyond it",
                         bin_bytes, i));
    }
  }
  if (tokens * width != bin_bytes) {
    refuse(where, fmt::format("speaks of {} tokens of {} bytes; the .bin file has {} bytes", tokens, width,
                              bin_bytes));
  }
  if (tokens == 0) refuse(where, "holds no tokens");
  return tokens;
}

std::uint64_t count_documents(std::string const& where, std::span<std::byte const> index,
                              Header const& header) {
  auto const first = header_bytes + header.sequences * sequence_bytes;
  std::uint64_t documents = 0, last = 0;
  for (std::uint64_t i = 0; i < header.entries; ++i) {
    auto const begin = number_at<std::uint64_t>(index, first + i * sizeof(std::int64_t));
    if (begin < last || begin > header.sequences) {
      refuse(where, fmt::format("says that document {} begins with sequence {}, after {} and of {}", i,
                                static_cast<std::int64_t>(begin), last, header.sequences));
    }
    documents += begin < header.sequences ? 1 : 0;
    last = begin;
  }
  return documents;
}

}  // namespace

TokenLayout parse_megatron_index(std::string const& where, std::span<std::byte const> index,
                                 std::uint64_t bin_bytes) {
  auto const header = parse_header(where, index);
  return {.kind = TokenKind::megatron,
          .ids = header.ids,
          .offset = 0,
          .tokens = count_tokens(where, index, header, bin_bytes),
          .documents = count_documents(where, index, header)};
}

}  // namespace atl::data
