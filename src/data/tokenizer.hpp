// Text to token ids and back, without loss: decode(encode(x)) == x for every valid UTF-8 text x.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/digest.hpp"
#include "data/token.hpp"

namespace atl::data {

// Not for use by two threads at once: encoding remembers the words it has seen. Load one for each thread.
class Tokenizer {
 public:
  virtual ~Tokenizer() = default;

  // The ids of `text`, without the beginning-of-entry id.
  virtual std::vector<Token> encode(std::string_view text) = 0;
  // The pieces of `tokens`, joined; the beginning-of-entry id adds nothing. The pieces are bytes: ids that
  // encode() did not make (a model's samples) can join to invalid UTF-8. An id must be below vocab_size().
  virtual std::string decode(std::span<Token const> tokens) const = 0;

  virtual int vocab_size() const = 0;         // 0: not known
  virtual Token bos_id() const = 0;           // begins every entry
  virtual base::Digest digest() const = 0;    // of what defines the tokenizer
  virtual std::string_view name() const = 0;  // "bytes", "sentencepiece" or "none"
};

// "bytes" (ids 0..255 are the bytes, 256 begins an entry), the path of a SentencePiece model, or "none" for
// token files whose tokenizer is not here (GPT-2's, say): it decodes to numbers, encodes nothing and knows
// no size. Throws InputError where the file is absent, is no model, has more than max_vocab pieces or would
// lose text in encoding.
std::unique_ptr<Tokenizer> load_tokenizer(std::string const& path_or_bytes);

}  // namespace atl::data
