// The second reading of the text: entries to tokens, checked to be lossless, into the two token files.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "data/dataset.hpp"
#include "data/survey.hpp"
#include "data/text_source.hpp"
#include "data/token_file.hpp"
#include "data/tokenizer.hpp"

namespace atl::data {

// The two sides of the split, open for writing.
struct TokenFiles {
  TokenFileWriter train, validation;
};

struct EncodedText {
  PartRecord train, validation;
};

// Encodes every entry, each after the tokenizer's beginning-of-entry token, on up to 16 cores, and appends it
// to its side in the order of the text. `make_tokenizer` is called once for each of them. Throws
// RuntimeFailure, naming file and entry, where decoding does not give an entry back. `progress` hears how
// much of `text_bytes` is done, 0..1.
EncodedText encode_text(std::vector<SourceFile> const& files, Split const& split,
                        std::function<std::unique_ptr<Tokenizer>()> const& make_tokenizer,
                        std::uint64_t text_bytes, std::function<void(double)> const& progress,
                        TokenFiles& output);

}  // namespace atl::data
