// `atoll data prepare`: text into a tokenizer, token files for training and validation, and dataset.json.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "data/dataset.hpp"

namespace atl::data {

struct PrepareOptions {
  std::vector<std::string> sources;  // text files (plain, .gz, .dz) or folders
  std::filesystem::path out;
  std::filesystem::path tokenizer;  // a SentencePiece model to use; empty: train one on the sources
  int vocab = 2048;                 // pieces of the one that is trained
  bool byte_level = false;          // bytes instead of SentencePiece; `vocab` then plays no part
  double validation_fraction = 0.01;
  std::uint64_t seed = 1;  // chooses the validation entries and the text that the tokenizer is trained on
  bool force = false;      // replace what `out` holds
  // Called now and then, by the calling thread, with how much of a stage is done, 0..1. The stages, in their
  // order, are "reading", "training the tokenizer" and "encoding".
  std::function<void(std::string_view stage, double fraction)> progress;
};

struct PrepareReport {
  Dataset dataset;
  bool up_to_date = false;            // `out` held it already: nothing was written
  std::vector<std::string> left_out;  // files below the sources that are not text
};

// The same text and options give the same bytes in every file. An entry goes to validation by a hash of
// (seed, its text): equal entries are on one side, and adding text moves none. Files appear when they are
// whole, dataset.json last. Throws InputError with all that is wrong with the options, for bad sources, and
// where `out` holds something else; RuntimeFailure, naming file and entry, where an entry does not survive
// encoding and decoding.
PrepareReport prepare(PrepareOptions const& options);

}  // namespace atl::data
