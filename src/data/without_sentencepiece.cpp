// What stands for sentencepiece.cpp in a build without SentencePiece.
#include "data/sentencepiece.hpp"

namespace atl::data {

bool has_sentencepiece() { return false; }

std::string sentencepiece_version() { return "not built"; }

std::string train_sentencepiece(std::vector<std::string> const&, int) {
  throw base::InputError({no_sentencepiece("the tokenizer")});
}

std::unique_ptr<Tokenizer> load_sentencepiece(std::string const& where, std::string const&) {
  throw base::InputError({no_sentencepiece(where)});
}

}  // namespace atl::data
