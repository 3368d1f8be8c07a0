// One source of text with its training and validation part: a prepared folder, nanoGPT's, or a token file.
#pragma once

#include <filesystem>
#include <optional>
#include <string>

#include "data/dataset.hpp"
#include "data/token_range.hpp"

namespace atl::data {

// What the deck says of the text that a site takes from.
struct CorpusOptions {
  std::string tokenizer;  // what load_tokenizer() takes
  int vocab = 0;          // ids are checked against it; 0: unknown
  double validation_fraction = 0.01;
  int context = 256;  // T
  int sites = 1;      // that share the text; 1 where every site has its own
  int batch = 1;      // sequences of a validation batch
};

struct Source {
  std::string path;                // as the deck names it
  TokenRange train, validation;    // they have no token in common
  std::optional<Dataset> dataset;  // where it is a prepared folder
  double share = 1.0;              // of the corpus' sequences; together 1
};

// A prepared folder brings its validation text, and must agree with the options on tokenizer and fraction. A
// folder with train.bin and val.bin is nanoGPT's. Of a token file of any kind the last `validation_fraction`,
// in whole windows of `context` tokens, is validation text; for what names no tokenizer the deck's is taken
// on trust. Throws InputError.
Source open_source(std::string const& path, CorpusOptions const& options);

// Whether there is anything at all under the path: a folder, a file, or what a Megatron prefix stands for.
bool source_exists(std::string const& path);

// The files of a folder of nanoGPT's; nothing where it is none.
struct NanogptFiles {
  std::filesystem::path train, validation;
};
std::optional<NanogptFiles> nanogpt_files(std::filesystem::path const& folder);

}  // namespace atl::data
