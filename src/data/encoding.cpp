#include "data/encoding.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <future>
#include <optional>
#include <thread>

#include "base/error.hpp"

namespace atl::data {

namespace {

constexpr std::size_t block_bytes = 1 << 20;
constexpr unsigned max_threads = 16;  // each has a tokenizer, which remembers up to 100 MB of words

// Neighbouring entries of one file.
struct Block {
  std::filesystem::path file;
  std::uint64_t first_entry = 0;
  std::vector<std::string> entries;
};

struct EncodedPart {
  std::vector<Token> tokens;
  std::uint64_t entries = 0, bytes = 0;
};

struct EncodedBlock {
  EncodedPart train, validation;
};

// All files, block by block.
class BlockReader {
 public:
  explicit BlockReader(std::vector<SourceFile> const& files) : files_(files) {}

  // Empty at the end of the last file.
  std::optional<Block> next() {
    for (; file_ < files_.size(); ++file_, reader_.reset(), entry_ = 0) {
      if (!reader_) reader_.emplace(files_[file_].path);
      Block block{.file = files_[file_].path, .first_entry = entry_, .entries = {}};
      std::string entry;
      for (std::size_t bytes = 0; bytes < block_bytes && reader_->next(entry);) {
        bytes += entry.size();
        block.entries.push_back(std::move(entry));
      }
      entry_ += block.entries.size();
      if (!block.entries.empty()) return block;
    }
    return std::nullopt;
  }

 private:
  std::vector<SourceFile> const& files_;
  std::size_t file_ = 0;
  std::optional<EntryReader> reader_;
  std::uint64_t entry_ = 0;
};

EncodedBlock encode(Block const& block, Split const& split, Tokenizer& tokenizer) {
  EncodedBlock encoded;
  for (std::size_t i = 0; i < block.entries.size(); ++i) {
    auto const& entry = block.entries[i];
    auto const tokens = tokenizer.encode(entry);
    if (tokenizer.decode(tokens) != entry) {
      throw base::RuntimeFailure(
          fmt::format("the tokenizer would change the text of {}, entry {} (counted from 0)",
                      block.file.string(), block.first_entry + i));
    }
    auto& part = split.is_validation(entry) ? encoded.validation : encoded.train;
    part.tokens.push_back(tokenizer.bos_id());
    part.tokens.insert(part.tokens.end(), tokens.begin(), tokens.end());
    part.entries += 1;
    part.bytes += entry.size();
  }
  return encoded;
}

void append(EncodedPart const& part, TokenFileWriter& file, PartRecord& record) {
  file.append(part.tokens);
  record.entries += part.entries;
  record.bytes += part.bytes;
  record.tokens = file.size();
  record.digest = file.digest();
}

}  // namespace

EncodedText encode_text(std::vector<SourceFile> const& files, Split const& split,
                        std::function<std::unique_ptr<Tokenizer>()> const& make_tokenizer,
                        std::uint64_t text_bytes, std::function<void(double)> const& progress,
                        TokenFiles& output) {
  std::vector<std::unique_ptr<Tokenizer>> tokenizers(
      std::clamp(std::thread::hardware_concurrency(), 1u, max_threads));
  std::ranges::generate(tokenizers, make_tokenizer);

  EncodedText text;
  BlockReader blocks(files);
  std::uint64_t bytes_done = 0;
  // A wave of blocks, one for each core, is encoded at once and written in the order in which it was read.
  for (bool more = true; more;) {
    std::vector<std::future<EncodedBlock>> wave;
    for (auto& tokenizer : tokenizers) {
      auto block = blocks.next();
      more = block.has_value();
      if (!more) break;
      wave.push_back(std::async(std::launch::async, [&split, &tokenizer, block = std::move(*block)] {
        return encode(block, split, *tokenizer);
      }));
    }
    for (auto& future : wave) {
      auto const encoded = future.get();
      append(encoded.train, output.train, text.train);
      append(encoded.validation, output.validation, text.validation);
      bytes_done += encoded.train.bytes + encoded.validation.bytes;
      progress(static_cast<double>(bytes_done) / static_cast<double>(text_bytes));
    }
  }
  if (bytes_done != text_bytes) throw base::RuntimeFailure("the text changed while it was being prepared");
  return text;
}

}  // namespace atl::data
