// Token files: written in llm.c's format with 16 bits a token; read in that, nanoGPT's and Megatron's.
#pragma once

#include <cstdint>
#include <filesystem>
#include <span>

#include "base/atomic_file.hpp"
#include "base/digest.hpp"
#include "base/open_file.hpp"
#include "data/token.hpp"
#include "data/token_layout.hpp"

namespace atl::data {

// Writes under a temporary name; the file appears, whole, with finish().
class TokenFileWriter {
 public:
  explicit TokenFileWriter(std::filesystem::path file);

  // Ids are below max_vocab. Throws InputError where the format's limit of 2^31 - 1 tokens would be passed.
  void append(std::span<Token const> tokens);
  void finish();

  std::uint64_t size() const { return size_; }
  base::Digest digest() const { return digest_.value(); }  // of the tokens so far

 private:
  base::AtomicFile file_;
  base::DigestStream digest_;
  std::uint64_t size_ = 0;
};

// How much of a large file is read to know its digest and the range of its ids.
enum class Coverage { parts, whole };

// A token file open for reading. Its kind is told so: "X.idx", "X.bin" with "X.idx" beside it, and a prefix
// "X" that is no file but has both beside it are Megatron's pair; otherwise llm.c's magic number speaks; what
// has none and is named *.bin is nanoGPT's. The constructor throws InputError for whatever is wrong: a header
// against the file's size, no tokens, an id beyond `vocab` (0: unknown) in what it surveys.
class TokenFile {
 public:
  explicit TokenFile(std::filesystem::path const& path, int vocab = 0, Coverage coverage = Coverage::parts);

  std::filesystem::path const& path() const { return file_.path(); }  // of the tokens
  TokenLayout const& layout() const { return layout_; }
  std::uint64_t size() const { return layout_.tokens; }

  // Of the tokens as they are stored. With Coverage::parts a file of more than 128 MiB shows only its size
  // and 64 parts of 1 MiB, the first and the last among them:
  // starting a run must not take the reading of it all.
  base::Digest digest() const { return digest_; }
  Token lowest_id() const { return lowest_id_; }
  Token highest_id() const { return highest_id_; }

  // Fills `out` with the tokens from `first` on; allocates nothing. Safe from several threads. Positioned
  // reads, not a mapping: where the file was shortened or damaged since it was opened, that is an exception
  // here and no SIGBUS.
  void read(std::uint64_t first, std::span<Token> out) const;

 private:
  // Reads as many tokens as `stored` holds, as they are in the file and as ids.
  void read(std::uint64_t first, std::span<std::byte> stored, std::span<Token> out) const;
  void survey(Coverage coverage);

  base::OpenFile file_;
  int vocab_;
  TokenLayout layout_;
  base::Digest digest_;
  Token lowest_id_ = 0, highest_id_ = 0;
};

}  // namespace atl::data
