// How token files are laid out: llm.c's header and tokens, nanoGPT's bare uint16. Pure functions of bytes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <string_view>

namespace atl::data {

enum class TokenKind { llmc, nanogpt, megatron };
enum class IdType { u8, i8, i16, u16, i32, u32, i64 };

// Where a file's tokens lie, and what each is stored as. All is little-endian.
struct TokenLayout {
  TokenKind kind = TokenKind::llmc;
  IdType ids = IdType::u16;
  std::uint64_t offset = 0;  // of the first token, in bytes
  std::uint64_t tokens = 0;
  std::uint64_t documents = 0;  // 0: not known
};

std::string_view name_of(TokenKind kind);
std::size_t width_of(IdType type);  // bytes

// llm.c: 256 int32 (magic, version, number of tokens, zeros), then the tokens: uint16 after the first pair of
// magic and version, which is what we write, uint32 after the second.
inline constexpr std::int32_t token_file_magic = 20240520, token_file_version = 1;
inline constexpr std::int32_t wide_token_file_magic = 20240801, wide_token_file_version = 7;
inline constexpr std::uint64_t token_file_header_bytes = 256 * sizeof(std::int32_t);

// The layout of a file of `file_bytes` that begins with `head`: its first token_file_header_bytes, or all of
// it where it is shorter. What does not begin with a magic number is taken for nanoGPT's: uint16 to the end,
// no header; but not text, and not the zeros of a damaged header. Throws InputError, naming `where`.
TokenLayout parse_token_header(std::string const& where, std::span<std::byte const> head,
                               std::uint64_t file_bytes);

template <class T>
T number_at(std::span<std::byte const> bytes, std::uint64_t offset) {
  T value;
  std::memcpy(&value, bytes.subspan(offset, sizeof(T)).data(), sizeof(T));
  return value;
}

}  // namespace atl::data
