#include "data/tokenizer.hpp"

#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>

#include "base/error.hpp"
#include "data/sentencepiece.hpp"

namespace atl::data {

namespace {

class ByteTokenizer final : public Tokenizer {
 public:
  std::vector<Token> encode(std::string_view text) override {
    auto const bytes = std::as_bytes(std::span(text));
    std::vector<Token> ids(bytes.size());
    for (std::size_t i = 0; i < bytes.size(); ++i) ids[i] = std::to_integer<Token>(bytes[i]);
    return ids;
  }

  std::string decode(std::span<Token const> tokens) const override {
    std::string text;
    for (auto const id : tokens) {
      base::ensure(id <= bos, "only ids of the vocabulary can be decoded");
      if (id != bos) text += static_cast<char>(id);
    }
    return text;
  }

  int vocab_size() const override { return bos + 1; }
  Token bos_id() const override { return bos; }
  base::Digest digest() const override { return base::digest_of(name()); }
  std::string_view name() const override { return "bytes"; }

 private:
  static constexpr Token bos = 256;
};

// For token files whose tokenizer is not here: ids are shown as numbers.
class NoTokenizer final : public Tokenizer {
 public:
  std::vector<Token> encode(std::string_view text) override {
    if (text.empty()) return {};
    throw base::InputError("data.tokenizer", "\"none\" cannot turn text into tokens",
                           "name the tokenizer that the token files were made with");
  }

  std::string decode(std::span<Token const> tokens) const override {
    std::string text;
    for (auto const id : tokens) text += std::to_string(id) + ' ';
    return text;
  }

  int vocab_size() const override { return 0; }
  Token bos_id() const override { return 0; }
  base::Digest digest() const override { return base::digest_of(name()); }
  std::string_view name() const override { return "none"; }
};

}  // namespace

std::unique_ptr<Tokenizer> load_tokenizer(std::string const& path_or_bytes) {
  if (path_or_bytes == "bytes") return std::make_unique<ByteTokenizer>();
  if (path_or_bytes == "none") return std::make_unique<NoTokenizer>();
  std::ifstream file(path_or_bytes, std::ios::binary);
  if (!file || !std::filesystem::is_regular_file(path_or_bytes)) {
    throw base::InputError(path_or_bytes, "there is no tokenizer file that can be read",
                           "make one with `atoll data prepare`, or use \"bytes\" or \"none\"");
  }
  std::ostringstream content;
  content << file.rdbuf();
  return load_sentencepiece(path_or_bytes, std::move(content).str());
}

}  // namespace atl::data
