// The first reading of the text: what is in it, what is validation text, and a sample for the tokenizer.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "data/dataset.hpp"
#include "data/text_source.hpp"

namespace atl::data {

// Says which entries are validation text: the one place where this is decided.
struct Split {
  std::uint64_t seed = 0;
  double threshold = 0.0;

  // Uniform in [0, 1), from (seed, text) alone: equal entries fall on one side, and adding text moves none.
  double draw(std::string_view entry) const;
  bool is_validation(std::string_view entry) const { return draw(entry) < threshold; }
};

struct Survey {
  std::vector<SourceRecord> sources;  // without their digests
  Split split;
  std::vector<std::string> sample;  // random training entries, together `sample_bytes` or all there are
};

// Where no entry falls below `validation_fraction`, the one with the lowest draw becomes validation text.
// Throws InputError where no entry is left to train on. `progress` hears how much is done, 0..1.
Survey survey_text(std::vector<SourceFile> const& files, double validation_fraction, std::uint64_t seed,
                   std::size_t sample_bytes, std::function<void(double)> const& progress);

}  // namespace atl::data
