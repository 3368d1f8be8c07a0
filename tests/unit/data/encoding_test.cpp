// Encoding a text: what does not survive it is found, and where.
#include "data/encoding.hpp"

#include <memory>
#include <string>

#include "base/error.hpp"
#include "support/catch.hpp"
#include "support/scratch_folder.hpp"
#include "unit/data/sample_text.hpp"

using namespace atl;
using namespace atl::data;

namespace {

// Forgets one letter.
class LossyTokenizer final : public Tokenizer {
 public:
  std::vector<Token> encode(std::string_view text) override {
    std::vector<Token> ids;
    for (char const letter : text) {
      if (letter != 'Z') ids.push_back(static_cast<Token>(letter));
    }
    return ids;
  }
  std::string decode(std::span<Token const> tokens) const override { return {tokens.begin(), tokens.end()}; }
  int vocab_size() const override { return 129; }
  Token bos_id() const override { return 128; }
  base::Digest digest() const override { return {}; }
  std::string_view name() const override { return "lossy"; }
};

EncodedText encode_lossily(std::string const& second_file) {
  test::ScratchFolder const folder;
  test::write_text(folder.path() / "first", "A\n\nB\n");
  test::write_text(folder.path() / "second", second_file);
  TokenFiles output{TokenFileWriter(folder.path() / "train.bin"),
                    TokenFileWriter(folder.path() / "validation.bin")};
  return encode_text(
      {{folder.path() / "first", "first"}, {folder.path() / "second", "second"}}, Split{1, 0.0},
      [] { return std::make_unique<LossyTokenizer>(); }, 5 + second_file.size(), [](double) {}, output);
}

}  // namespace

TEST_CASE("an entry that the tokenizer would change stops the preparation, by file and entry") {
  auto const text = encode_lossily("C\n\nD\n\nE\n");
  CHECK(text.train.entries == 5);
  CHECK(text.train.tokens == 5 + 13);

  REQUIRE_THROWS_AS(encode_lossily("C\n\nD\n\nZ\n"), base::RuntimeFailure);
  REQUIRE_THROWS_WITH(encode_lossily("C\n\nD\n\nZ\n"), ContainsSubstring("second, entry 2"));
}
