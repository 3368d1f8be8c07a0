#include "data/encoding.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <future>
#include <memory>
#include <optional>
#include <thread>

#include "base/error.hpp"
#include "data/token_file.hpp"
#include "data/tokenizer.hpp"

namespace atoll::data {

namespace {

constexpr std::size_t block_bytes = 1 << 20;

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
      throw base::RuntimeFailure(fmt::format("the tokenizer would change the text of {}, entry {} (counted from 0)",
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

// One side of the split on its way to disk.
class PartWriter {
 public:
  explicit PartWriter(std::filesystem::path file) : file_(std::move(file)) {}

  void append(EncodedPart const& part) {
    file_.append(part.tokens);
    record_.entries += part.entries;
    record_.bytes += part.bytes;
  }
  PartRecord finish() {
    file_.finish();
    record_.tokens = file_.size();
    record_.digest = file_.digest();
    return record_;
  }

 private:
  TokenFileWriter file_;
  PartRecord record_;
};

}  // namespace

void encode_text(std::vector<SourceFile> const& files, Split const& split, std::string const& tokenizer,
                 std::uint64_t text_bytes, std::function<void(double)> const& progress, Dataset& dataset) {
  std::vector<std::unique_ptr<Tokenizer>> tokenizers(std::max(1u, std::thread::hardware_concurrency()));
  for (auto& each : tokenizers) each = load_tokenizer(tokenizer);

  BlockReader blocks(files);
  PartWriter train(dataset.train_file()), validation(dataset.validation_file());
  std::uint64_t bytes_done = 0;
  // A wave of blocks, one for each core, is encoded at once and written in the order it was read.
  for (bool more = true; more;) {
    std::vector<std::future<EncodedBlock>> wave;
    for (auto& each : tokenizers) {
      auto block = blocks.next();
      if (!(more = block.has_value())) break;
      wave.push_back(std::async(std::launch::async, [&split, &each, block = std::move(*block)] {
        return encode(block, split, *each);
      }));
    }
    for (auto& future : wave) {
      auto const encoded = future.get();
      train.append(encoded.train);
      validation.append(encoded.validation);
      bytes_done += encoded.train.bytes + encoded.validation.bytes;
      progress(static_cast<double>(bytes_done) / static_cast<double>(text_bytes));
    }
  }
  if (bytes_done != text_bytes) throw base::RuntimeFailure("the text changed while it was being prepared");
  dataset.train = train.finish();
  dataset.validation = validation.finish();
}

}  // namespace atoll::data
