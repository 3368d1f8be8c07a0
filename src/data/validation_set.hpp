// The validation batches: always the same windows, in the order of the text, held in memory.
#pragma once

#include <cstdint>
#include <filesystem>
#include <vector>

#include "data/batch.hpp"

namespace atl::data {

struct ValidationOptions {
  std::filesystem::path file;
  int vocab = 0;  // ids are checked against it; 0: unknown
  int sequences = 8;
  int context = 256;  // T
  int batches = 16;   // at most; fewer where the file has fewer
};

// Window i holds the tokens i*T .. i*T + T, batch b the windows b * sequences and following: consecutive
// text, in which no token is a target twice.
class ValidationSet {
 public:
  // Throws InputError for a bad file, or one too small for one batch.
  explicit ValidationSet(ValidationOptions const& options);

  int count() const { return count_; }
  Batch get(int batch) const;  // 0 .. count() - 1

 private:
  int sequences_, context_, count_ = 0;
  std::vector<std::int32_t> tokens_, targets_;
};

}  // namespace atl::data
