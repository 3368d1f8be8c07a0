// The validation batches: always the same windows, in the order of the text, held in memory.
#pragma once

#include <cstdint>
#include <vector>

#include "data/batch.hpp"
#include "data/token_range.hpp"

namespace atl::data {

struct ValidationOptions {
  std::vector<WeightedRange> sources;
  int sequences = 8;
  int context = 256;  // T
  int batches = 16;   // at most; fewer where the sources have fewer
};

// Window i of a source holds its tokens i*T .. i*T + T: consecutive text, in which no token is a target
// twice. The sources' windows are mixed in their shares (Mixture), each in the order of its text, until one
// source has no more. Batch b holds the windows b * sequences and following of the mixture.
class ValidationSet {
 public:
  // Throws InputError for an id beyond the vocabulary, and where the sources are too small for one batch.
  explicit ValidationSet(ValidationOptions const& options);

  int count() const { return count_; }
  Batch get(int batch) const;  // 0 .. count() - 1

 private:
  int sequences_, context_, count_ = 0;
  std::vector<std::int32_t> tokens_, targets_;
};

}  // namespace atl::data
