// A part of a token file, such as what is left to train on after the validation text is held out.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <vector>

#include "data/mixture.hpp"
#include "data/token_file.hpp"

namespace atl::data {

// The tokens first .. first + tokens - 1.
struct TokenRange {
  std::shared_ptr<TokenFile const> file;
  std::uint64_t first = 0, tokens = 0;

  // Windows of `context` tokens and the one that follows; they begin `context` tokens apart.
  std::uint64_t windows(std::uint64_t context) const { return tokens == 0 ? 0 : (tokens - 1) / context; }
};

// A source of training or validation text. Its share is its weight over the sum of all.
struct WeightedRange {
  TokenRange range;
  double weight = 1.0;
};

Mixture mixture_of(std::vector<WeightedRange> const& sources);

// All tokens of a file, for where there is no corpus. Throws InputError as TokenFile does.
WeightedRange whole_file(std::filesystem::path const& path, int vocab = 0);

}  // namespace atl::data
