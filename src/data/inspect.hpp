// `atoll data inspect`: what a token file or a prepared folder holds, as figures and as text.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "base/digest.hpp"
#include "data/dataset.hpp"
#include "data/token.hpp"
#include "data/token_layout.hpp"

namespace atl::data {

struct TokenFileReport {
  std::filesystem::path file;
  TokenLayout layout;
  Token lowest_id = 0, highest_id = 0;
  base::Digest digest;
  std::vector<Token> first_tokens;
  std::string first_text;  // of first_tokens; empty without a tokenizer
};

struct Inspection {
  std::optional<Dataset> dataset;      // where a prepared folder was given
  std::vector<TokenFileReport> files;  // one file, or a folder's training and validation file
};

// `path`: a token file of any kind, a folder with nanoGPT's train.bin and val.bin, or a prepared folder, of
// which the digests are checked. All tokens are read. `tokenizer` ("bytes" or a path) decodes the first ones;
// where it is empty, a prepared folder's own is used, and other tokens stay numbers. Throws InputError.
Inspection inspect(std::filesystem::path const& path, std::string const& tokenizer = "");

// For people: lines, each ending in '\n'.
std::string describe(Inspection const& inspection);

}  // namespace atl::data
