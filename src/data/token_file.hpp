// Token files in llm.c's format: 256 int32 (magic 20240520, version 1, number of tokens), then uint16 tokens.
#pragma once

#include <cstdint>
#include <filesystem>
#include <span>

#include "base/digest.hpp"
#include "base/open_file.hpp"
#include "data/atomic_file.hpp"
#include "data/token.hpp"

namespace atl::data {

inline constexpr std::int32_t token_file_magic = 20240520;
inline constexpr std::int32_t token_file_version = 1;
inline constexpr std::uint64_t token_file_header_bytes = 256 * sizeof(std::int32_t);

// Writes under a temporary name; the file appears, whole, with finish().
class TokenFileWriter {
 public:
  explicit TokenFileWriter(std::filesystem::path file);

  // Throws InputError where the format's limit of 2^31 - 1 tokens would be passed.
  void append(std::span<Token const> tokens);
  void finish();

  std::uint64_t size() const { return size_; }
  base::Digest digest() const { return digest_.value(); }  // of the tokens so far

 private:
  AtomicFile file_;
  base::DigestStream digest_;
  std::uint64_t size_ = 0;
};

// A token file open for reading. The constructor reads all of it once and throws InputError for whatever is
// wrong: magic, version, token count against file size, no tokens, an id beyond `vocab` (0: unknown).
class TokenFile {
 public:
  explicit TokenFile(std::filesystem::path file, int vocab = 0);

  std::filesystem::path const& path() const { return file_.path(); }
  std::uint64_t size() const { return size_; }     // tokens
  base::Digest digest() const { return digest_; }  // of the tokens
  Token lowest_id() const { return lowest_id_; }
  Token highest_id() const { return highest_id_; }

  // Fills `out` with the tokens from `first` on. Safe from several threads. Positioned reads, not a mapping:
  // where the file was shortened or damaged since it was opened, that is an exception here and no SIGBUS.
  void read(std::uint64_t first, std::span<Token> out) const;

 private:
  void survey();  // digest and range of all tokens

  base::OpenFile file_;
  int vocab_;
  std::uint64_t size_ = 0;
  base::Digest digest_;
  Token lowest_id_ = 0, highest_id_ = 0;
};

}  // namespace atl::data
