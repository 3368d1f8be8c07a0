// The second reading of the text: entries to tokens, checked to be lossless, into the two token files.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "data/dataset.hpp"
#include "data/survey.hpp"
#include "data/text_source.hpp"

namespace atoll::data {

// Encodes every entry, each after the tokenizer's beginning-of-entry token, on all cores, and writes the token files of
// `dataset` in the order of the text; fills in its `train` and `validation`. Throws RuntimeFailure, naming file and
// entry, where decoding does not give an entry back. `progress` hears how much of `text_bytes` is done, 0..1.
void encode_text(std::vector<SourceFile> const& files, Split const& split, std::string const& tokenizer,
                 std::uint64_t text_bytes, std::function<void(double)> const& progress, Dataset& dataset);

}  // namespace atoll::data
