// What a site trains on and is judged by: the sources that its entry of sites.data names, opened and checked.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/digest.hpp"
#include "data/source.hpp"

namespace atl::data {

struct Corpus {
  std::vector<Source> sources;

  std::vector<WeightedRange> training() const;    // for StreamOptions
  std::vector<WeightedRange> validation() const;  // for ValidationOptions
  std::uint64_t train_tokens() const;
  std::uint64_t validation_tokens() const;
  // In the mixture that ValidationSet makes; 0 where it is not known, since a source is no prepared folder.
  double bytes_per_validation_token() const;
  // Of all that decides what is trained on; of a prepared folder alone digest_of(Dataset).
  base::Digest digest() const;
};

// The size of a run's vocabulary: `model_vocab`, or the tokenizer's own where that is 0. Needs no text.
// Throws InputError where it is less than the tokenizer's, or neither is known.
int vocabulary(std::string const& tokenizer, int model_vocab);

// False where a path that the entry names leads nowhere on this machine: its text may lie with another site.
bool is_here(std::string const& entry);

// Opens what an entry of sites.data names (source_spec.hpp, source.hpp). Without weights its sources have
// shares by their training tokens. Local. Throws InputError with all that is wrong: the entry, its sources,
// too few tokens for the sites or a validation batch.
Corpus open_corpus(std::string const& entry, CorpusOptions const& options);

// Reads the prepared folders among the sources again and compares digests, as check_digests(Dataset).
void check_digests(Corpus const& corpus);

// For the console, one line: what is mixed with which shares, how many tokens, bytes a token.
std::string describe(Corpus const& corpus);

}  // namespace atl::data
