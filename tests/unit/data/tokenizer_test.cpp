// Tokenizers: nothing is lost, whatever the text; what would lose something is refused.
#include "data/tokenizer.hpp"

#include <sentencepiece_processor.h>
#include <sentencepiece_trainer.h>

#include <filesystem>
#include <string>
#include <vector>

#include "base/error.hpp"
#include "base/rng.hpp"
#include "data/sentencepiece.hpp"
#include "support/catch.hpp"
#include "support/scratch_folder.hpp"
#include "unit/data/sample_text.hpp"

using namespace atl;
using namespace atl::data;

namespace {

std::string const& model() {
  static std::string const bytes = train_sentencepiece({test::dictionary(800)}, 400);
  return bytes;
}

std::unique_ptr<Tokenizer> tokenizer_named(std::string const& name) {
  return name == "bytes" ? load_tokenizer("bytes") : load_sentencepiece("the test's model", model());
}

void append_utf8(std::string& text, std::uint32_t code) {
  auto const byte = [](std::uint32_t value) { return static_cast<char>(value); };
  if (code < 0x80) {
    text += byte(code);
  } else if (code < 0x800) {
    text += {byte(0xC0 | code >> 6), byte(0x80 | (code & 63))};
  } else if (code < 0x10000) {
    text += {byte(0xE0 | code >> 12), byte(0x80 | (code >> 6 & 63)), byte(0x80 | (code & 63))};
  } else {
    text += {byte(0xF0 | code >> 18), byte(0x80 | (code >> 12 & 63)), byte(0x80 | (code >> 6 & 63)),
             byte(0x80 | (code & 63))};
  }
}

// Random text with plenty of what tokenizers stumble over.
std::string nasty_text(std::uint64_t seed) {
  static std::vector<std::string> const pieces = {" ",
                                                  "  ",
                                                  "   ",
                                                  "\n",
                                                  "\n\n",
                                                  "\t",
                                                  "\r\n",
                                                  std::string(1, '\0'),
                                                  "\x01",
                                                  "\x7F",
                                                  "\xE2\x96\x81",
                                                  "\xE2\x96\x81 ",
                                                  " \xE2\x96\x81",
                                                  "\xE2\x96\x82",
                                                  "\xE2\x96\x85",
                                                  "\xE2\x81\x87",
                                                  "<s>",
                                                  "</s>",
                                                  "<unk>",
                                                  "<0x0A>",
                                                  "lagoon",
                                                  " lagoon",
                                                  "of the",
                                                  "e\xCC\x81",
                                                  "\xC3\xA9",
                                                  "\xEF\xAC\x81",
                                                  "\xEF\xBB\xBF",
                                                  "\xE3\x80\x80",
                                                  "\xC2\xA0",
                                                  "\xE2\x80\x8B",
                                                  "\xF0\x9F\x8F\x9D",
                                                  "\xF4\x8F\xBF\xBF",
                                                  "\xE6\xBC\xA2\xE5\xAD\x97",
                                                  "\\n",
                                                  "1,000.5"};
  base::Philox const random{seed};
  std::string text;
  std::uint64_t const length = random.below(40, 0, 0);
  for (std::uint64_t i = 0; i < length; ++i) text += pieces[random.below(pieces.size(), 1, i)];
  return text;
}

}  // namespace

TEST_CASE("decoding gives the text back, whatever it is") {
  auto const tokenizer = tokenizer_named(GENERATE(as<std::string>(), "sentencepiece", "bytes"));
  for (std::uint64_t seed = 0; seed < 3000; ++seed) {
    auto const text = nasty_text(seed);
    INFO("seed " << seed << ": " << text);
    REQUIRE(tokenizer->decode(tokenizer->encode(text)) == text);
  }
}

TEST_CASE("every character of Unicode survives, alone and between others") {
  auto const tokenizer = tokenizer_named(GENERATE(as<std::string>(), "sentencepiece", "bytes"));
  std::string text;
  for (std::uint32_t code = 0; code <= 0x10FFFF; code += code < 0x3000 ? 1 : 61) {
    if (code >= 0xD800 && code < 0xE000) continue;
    append_utf8(text, code);
    text += code % 3 == 0 ? " " : code % 3 == 1 ? "x" : "";
  }
  REQUIRE(tokenizer->decode(tokenizer->encode(text)) == text);
}

TEST_CASE("all ids are below the vocabulary, and the beginning of an entry is never among them") {
  auto const tokenizer = tokenizer_named(GENERATE(as<std::string>(), "sentencepiece", "bytes"));
  auto const vocab = static_cast<Token>(tokenizer->vocab_size());
  REQUIRE(tokenizer->bos_id() < vocab);
  for (auto const id : tokenizer->encode(test::dictionary(50) + nasty_text(1) + "<s>")) {
    REQUIRE(id < vocab);
    REQUIRE(id != tokenizer->bos_id());
  }
  std::vector<Token> const begun = {tokenizer->bos_id()};
  CHECK(tokenizer->decode(begun).empty());
  std::vector<Token> const foreign = {static_cast<Token>(tokenizer->vocab_size())};
  REQUIRE_THROWS_AS(tokenizer->decode(foreign), base::RuntimeFailure);
}

TEST_CASE("the byte tokenizer has 256 bytes and one beginning of entry") {
  auto const tokenizer = load_tokenizer("bytes");
  CHECK(tokenizer->vocab_size() == 257);
  CHECK(tokenizer->bos_id() == 256);
  CHECK(tokenizer->encode("A\xFF") == std::vector<Token>{65, 255});
}

TEST_CASE("without a tokenizer ids are shown as numbers, and no text becomes ids") {
  auto const none = load_tokenizer("none");
  CHECK(none->vocab_size() == 0);
  CHECK(none->decode(std::vector<Token>{50256, 11}) == "50256 11 ");
  CHECK(none->encode("").empty());
  CHECK_THROWS_AS(none->encode("text"), base::InputError);
}

TEST_CASE("a trained tokenizer has exactly the pieces asked for and compresses its text") {
  auto const tokenizer = tokenizer_named("sentencepiece");
  CHECK(tokenizer->vocab_size() == 400);
  auto const text = test::dictionary_entry(12'345);
  CHECK(tokenizer->encode(text).size() * 2 < text.size());
  CHECK(tokenizer->encode("            ").size() == 1);  // indentation is a piece
}

TEST_CASE("the same text trains the same tokenizer") {
  CHECK(train_sentencepiece({test::dictionary(800)}, 400) == model());
  CHECK(train_sentencepiece({test::dictionary(801)}, 400) != model());
}

TEST_CASE("word by word gives the ids that SentencePiece gives for the whole text") {
  sentencepiece::SentencePieceProcessor processor;
  REQUIRE(processor.LoadFromSerializedProto(model()).ok());
  auto const tokenizer = tokenizer_named("sentencepiece");
  auto const text = test::dictionary(300) + "\n  \n\n   a\tb  c \r\n\xC3\xA9t\xC3\xA9   ";
  auto const whole = processor.EncodeAsIds(text);
  CHECK(tokenizer->encode(text) == std::vector<Token>(whole.begin(), whole.end()));
}

TEST_CASE("a tokenizer that was written to a file has the same digest and ids") {
  test::ScratchFolder const folder;
  auto const path = (folder.path() / "tokenizer.model").string();
  test::write_text(path, model());
  auto const loaded = load_tokenizer(path), original = tokenizer_named("sentencepiece");
  CHECK(loaded->digest() == original->digest());
  CHECK(loaded->digest() != load_tokenizer("bytes")->digest());
  CHECK(loaded->encode("the lagoon") == original->encode("the lagoon"));
}

TEST_CASE("files that are no tokenizers are refused by name") {
  test::ScratchFolder const folder;
  auto const path = (folder.path() / "tokenizer.model").string();
  SECTION("absent") {}
  SECTION("a folder") { std::filesystem::create_directories(path); }
  SECTION("empty") { test::write_text(path, ""); }
  SECTION("text") { test::write_text(path, test::dictionary(20)); }
  SECTION("cut off") { test::write_text(path, model().substr(0, model().size() / 2)); }
  REQUIRE_THROWS_AS(load_tokenizer(path), base::InputError);
  REQUIRE_THROWS_WITH(load_tokenizer(path),
                      ContainsSubstring(path) && ContainsSubstring("atoll data prepare"));
}

TEST_CASE("models that would change text are refused") {
  test::ScratchFolder const folder;
  test::write_text(folder.path() / "text", test::dictionary(400));
  auto const refusal = [&](std::string const& options) {
    auto const prefix = (folder.path() / "m").string();
    auto const common = " --vocab_size=400 --model_type=bpe --minloglevel=4 --model_prefix=" + prefix;
    REQUIRE(sentencepiece::SentencePieceTrainer::Train("--input=" + (folder.path() / "text").string() +
                                                       common + options)
                .ok());
    try {
      load_tokenizer(prefix + ".model");
      return std::string("none");
    } catch (base::InputError const& error) {
      return error.problems().front().what;
    }
  };
  std::string const exact =
      " --normalization_rule_name=identity --add_dummy_prefix=false --remove_extra_whitespaces=false";
  CHECK_THAT(refusal(exact), ContainsSubstring("has no piece for byte 0"));
  CHECK_THAT(refusal(exact + " --byte_fallback --bos_id=-1"), ContainsSubstring("beginning-of-sentence"));
  CHECK_THAT(refusal(exact + " --byte_fallback --split_by_whitespace=false"),
             ContainsSubstring("reaches across words"));
  CHECK_THAT(refusal(" --byte_fallback"), ContainsSubstring("does not keep text as it is"));
  CHECK(refusal(exact + " --byte_fallback") == "none");
}

TEST_CASE("a vocabulary that the text cannot fill, or that cannot hold its characters, is refused") {
  REQUIRE_THROWS_AS(train_sentencepiece({"too little text"}, 2000), base::InputError);
  REQUIRE_THROWS_AS(train_sentencepiece({test::dictionary(100)}, 260), base::InputError);
  REQUIRE_THROWS_AS(train_sentencepiece({}, 2000), base::InputError);
  REQUIRE_THROWS_WITH(train_sentencepiece({test::dictionary(100)}, 260), ContainsSubstring("--vocab 260"));
}
