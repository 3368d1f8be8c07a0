#include "data/token_layout.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <bit>

#include "base/error.hpp"
#include "data/utf8.hpp"

namespace atl::data {

static_assert(std::endian::native == std::endian::little, "token files are little-endian");

namespace {

constexpr char const* remedy =
    "name a token file that `atoll data prepare`, llm.c or nanoGPT has made, or make it again";

[[noreturn]] void refuse(std::string const& where, std::string what) {
  throw base::InputError(where, std::move(what), remedy);
}

TokenLayout parse_llmc(std::string const& where, std::span<std::byte const> head, std::uint64_t file_bytes) {
  if (head.size() < token_file_header_bytes) {
    refuse(where, fmt::format("is cut off: llm.c's header has {} bytes, the file {}", token_file_header_bytes,
                              file_bytes));
  }
  bool const is_wide = number_at<std::int32_t>(head, 0) == wide_token_file_magic;
  auto const version = number_at<std::int32_t>(head, 4), said = number_at<std::int32_t>(head, 8);
  auto const known = is_wide ? wide_token_file_version : token_file_version;
  if (version != known) {
    refuse(where, fmt::format("has version {} of the format; only version {} is known", version, known));
  }
  if (said < 0) refuse(where, fmt::format("says that it holds {} tokens", said));
  if (said == 0) refuse(where, "holds no tokens");

  TokenLayout const layout{.kind = TokenKind::llmc,
                           .ids = is_wide ? IdType::u32 : IdType::u16,
                           .offset = token_file_header_bytes,
                           .tokens = static_cast<std::uint64_t>(said)};
  auto const needed = layout.offset + width_of(layout.ids) * layout.tokens;
  if (file_bytes != needed) {
    refuse(where, fmt::format("{}: {} tokens need {} bytes, it has {}",
                              file_bytes < needed ? "is cut off" : "is longer than it says", said, needed,
                              file_bytes));
  }
  return layout;
}

// Text has no control characters and is UTF-8; among the bytes of token ids something soon is not.
bool is_text(std::span<std::byte const> head) {
  auto const is_control = [](std::byte byte) {
    auto const c = std::to_integer<unsigned>(byte);
    return (c < 0x20 && (c < '\t' || c > '\r')) || c == 0x7F;
  };
  if (head.size() < 64 || std::ranges::any_of(head, is_control)) return false;
  std::string_view text(reinterpret_cast<char const*>(head.data()), head.size());
  while (text.size() >= 4) {  // the head may end within a character
    auto const bytes = utf8_character_bytes(text);
    if (bytes == 0) return false;
    text.remove_prefix(bytes);
  }
  return true;
}

// Three numbers and zeros: the header of a file that is not one of ours, or no longer.
bool is_header(std::span<std::byte const> head) {
  return head.size() == token_file_header_bytes &&
         std::ranges::all_of(head.subspan(12), [](std::byte byte) { return byte == std::byte{0}; });
}

TokenLayout parse_nanogpt(std::string const& where, std::span<std::byte const> head,
                          std::uint64_t file_bytes) {
  if (file_bytes == 0) refuse(where, "is empty: it holds no tokens");
  if (is_text(head)) refuse(where, "is text, not tokens; `atoll data prepare` makes tokens of it");
  if (is_header(head)) {
    refuse(where, fmt::format("begins with a header, but not of tokens: its magic number is {} instead of {}",
                              number_at<std::int32_t>(head, 0), token_file_magic));
  }
  if (file_bytes % 2 != 0) {
    refuse(where, fmt::format("has no header of a token file, and {} bytes are no whole number of the uint16 "
                              "that nanoGPT writes without one",
                              file_bytes));
  }
  return {.kind = TokenKind::nanogpt, .ids = IdType::u16, .offset = 0, .tokens = file_bytes / 2};
}

}  // namespace

std::string_view name_of(TokenKind kind) {
  switch (kind) {
    case TokenKind::llmc:
      return "llm.c";
    case TokenKind::nanogpt:
      return "nanoGPT";
    case TokenKind::megatron:
      return "Megatron";
  }
  return {};
}

std::size_t width_of(IdType type) {
  switch (type) {
    case IdType::u8:
    case IdType::i8:
      return 1;
    case IdType::i16:
    case IdType::u16:
      return 2;
    case IdType::i32:
    case IdType::u32:
      return 4;
    case IdType::i64:
      return 8;
  }
  return 0;
}

TokenLayout parse_token_header(std::string const& where, std::span<std::byte const> head,
                               std::uint64_t file_bytes) {
  auto const magic = head.size() >= 4 ? number_at<std::int32_t>(head, 0) : 0;
  bool const is_llmc = magic == token_file_magic || magic == wide_token_file_magic;
  return is_llmc ? parse_llmc(where, head, file_bytes) : parse_nanogpt(where, head, file_bytes);
}

}  // namespace atl::data
