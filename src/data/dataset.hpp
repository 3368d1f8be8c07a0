// A prepared folder: tokenizer, token files, and dataset.json, which says what they are and were made from.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "base/digest.hpp"
#include "data/utf8.hpp"

namespace atl::data {

inline constexpr char const* record_name = "dataset.json";
inline constexpr char const* tokenizer_name = "tokenizer.model";

// One text file that a dataset was made from.
struct SourceRecord {
  std::string name;
  base::Digest digest;           // of the file as stored
  std::uint64_t text_bytes = 0;  // uncompressed, after repair
  Replacement replaced;          // its invalid UTF-8
};

// What a dataset was made from, and how: all that its files depend on.
struct Recipe {
  std::vector<SourceRecord> sources;
  bool byte_level = false;
  std::string given_tokenizer;  // digest of its file; empty: bytes, or trained on these sources
  int vocab = 0;
  double validation_fraction = 0.0;
  std::uint64_t seed = 0;
};

// The text on one side of the split, and its token file.
struct PartRecord {
  std::uint64_t entries = 0;
  std::uint64_t tokens = 0;  // the beginning-of-entry token of every entry among them
  std::uint64_t bytes = 0;   // of text
  base::Digest digest;       // of the tokens
};

struct Dataset {
  std::filesystem::path folder;
  Recipe recipe;
  std::string sentencepiece_version;  // that trained the tokenizer; empty: bytes, or one that was given
  base::Digest tokenizer_digest;      // Tokenizer::digest()
  PartRecord train, validation;

  int vocab() const { return recipe.vocab; }
  std::filesystem::path train_file() const { return folder / "train.bin"; }
  std::filesystem::path validation_file() const { return folder / "validation.bin"; }
  std::filesystem::path record_file() const { return folder / record_name; }
  // What load_tokenizer() takes: the path of the model, or "bytes".
  std::string tokenizer() const { return recipe.byte_level ? "bytes" : (folder / tokenizer_name).string(); }
  // Turns nats per token into bits per byte: nats / ln 2 / bytes_per_validation_token().
  double bytes_per_validation_token() const {
    return static_cast<double>(validation.bytes) / static_cast<double>(validation.tokens);
  }
};

// "15.26 M"; fewer than a million in full.
std::string in_millions(std::uint64_t tokens);

// True where `folder` holds a finished dataset, whole or damaged.
bool is_dataset(std::filesystem::path const& folder);

// Reads `folder`/dataset.json and checks that the files it speaks of are there with the sizes it says. Throws
// InputError; where there is no dataset, the remedy is `atoll data prepare`.
Dataset open_dataset(std::filesystem::path const& folder);

// Reads every file again and compares digests. Throws InputError with all that differ.
void check_digests(Dataset const& dataset);

// dataset.json. Equal datasets give equal bytes, wherever they lie.
std::string dataset_record(Dataset const& dataset);

// Of dataset_record(): equal digests are equal data.
base::Digest digest_of(Dataset const& dataset);

// Why `a` and `b` cannot give the same files ("vocab 2048 and 4096"); empty where they do.
std::string difference(Recipe const& a, Recipe const& b);

}  // namespace atl::data
