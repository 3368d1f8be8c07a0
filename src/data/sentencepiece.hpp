// SentencePiece: training a tokenizer that loses nothing, and using one. In a build without it both throw
// InputError with no_sentencepiece().
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/error.hpp"
#include "data/tokenizer.hpp"

namespace atl::data {

bool has_sentencepiece();

// What is wrong where `where` asks for one in a build without.
inline base::Problem no_sentencepiece(std::string where) {
  return {std::move(where), "needs SentencePiece, and this build of atoll has none",
          "install libsentencepiece-dev and build again with -DATOLL_SENTENCEPIECE=ON, or do without: `atoll "
          "data prepare --bytes` and data.tokenizer = \"bytes\", or data.tokenizer = \"none\" with "
          "sites.data = the "
          "token file itself (of a prepared folder, its train.bin)"};
}

// Of the library that was compiled against; "not built" where there was none.
std::string sentencepiece_version();

// A byte-pair model of exactly `vocab` pieces as the bytes of its file: unknown, beginning of entry, 256
// bytes, then pieces of `text`. Text is taken as it is (no normalisation); runs of spaces can be pieces; what
// is no piece, and newlines always, is encoded byte by byte. One thread, prints nothing, the same input gives
// the same bytes. Throws InputError where `text` does not give so many pieces, or has more characters than
// pieces.
std::string train_sentencepiece(std::vector<std::string> const& text, int vocab);

// `where` names the model in messages. Throws InputError unless the model keeps text exactly as it is.
std::unique_ptr<Tokenizer> load_sentencepiece(std::string const& where, std::string const& model);

}  // namespace atl::data
