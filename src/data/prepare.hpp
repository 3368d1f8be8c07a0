// `atoll data prepare`: text into a tokenizer, token files for training and validation, and dataset.json.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "data/dataset.hpp"

namespace atoll::data {

struct PrepareOptions {
  std::vector<std::string> sources;  // text files (plain, .gz, .dz) or folders
  std::filesystem::path out;
  int vocab = 2048;         // pieces of the SentencePiece tokenizer
  bool byte_level = false;  // bytes instead of SentencePiece; `vocab` is then 257 whatever it says
  double validation_fraction = 0.01;
  std::uint64_t seed = 1;  // of the choice of validation entries and of the tokenizer's sample
  bool force = false;      // replace a dataset made from other text or with other options
  // Called often by the calling thread with the stage ("read", "train tokenizer", "encode") and how much of it is done, 0..1.
  std::function<void(std::string_view stage, double fraction)> progress;
};

struct PrepareReport {
  Dataset dataset;
  bool up_to_date = false;  // it was there already: nothing was written
};

// The same text and options give the same bytes in every file. An entry goes to validation by a hash of (seed, its text)
// alone: equal entries are on one side, and more text moves none. Throws InputError (sources, options, a folder that holds
// something else) and RuntimeFailure, naming file and entry, where an entry does not survive encoding and decoding.
PrepareReport prepare(PrepareOptions const& options);

}  // namespace atoll::data
