// One source of text of every kind: where its tokens come from, and what is held out for validation.
#include "data/source.hpp"

#include <filesystem>
#include <functional>

#include "base/error.hpp"
#include "data/prepare.hpp"
#include "support/catch.hpp"
#include "support/scratch_folder.hpp"
#include "unit/data/sample_text.hpp"
#include "unit/data/token_bytes.hpp"

using namespace atl;
using namespace atl::data;

namespace {

constexpr std::uint64_t count = 1000;

template <class Number>
std::string counting(std::uint64_t tokens = count) {
  std::string bytes;
  for (std::uint64_t id = 0; id < tokens; ++id) bytes += test::bytes_of(static_cast<Number>(id));
  return bytes;
}

void write_megatron(std::filesystem::path const& prefix) {
  test::MegatronIndex index({400, 1, 599}, 4);
  index.type = 4;
  test::write_text(prefix.string() + ".idx", index.bytes());
  test::write_text(prefix.string() + ".bin", counting<std::int32_t>());
}

CorpusOptions const options{.tokenizer = "none", .vocab = 2000, .validation_fraction = 0.1, .context = 10};

std::vector<Token> tokens_of(TokenRange const& range) {
  std::vector<Token> tokens(range.tokens);
  range.file->read(range.first, tokens);
  return tokens;
}

// Training and validation text, which must be 0, 1, 2, ... without a gap.
void check_counting(Source const& source) {
  auto tokens = tokens_of(source.train);
  auto const validation = tokens_of(source.validation);
  tokens.insert(tokens.end(), validation.begin(), validation.end());
  REQUIRE(tokens.size() == count);
  for (Token id = 0; id < count; ++id) REQUIRE(tokens[id] == id);
}

}  // namespace

TEST_CASE(
    "token files of every kind hold the tokens that were written, and give their last part to validation") {
  test::ScratchFolder const folder;
  auto const path = folder.path();
  test::write_text(path / "nano.bin", counting<std::uint16_t>());
  test::write_counting_tokens(path / "ours.bin", count);
  test::write_text(path / "wide.bin", test::llmc_header(20240801, 7, count) + counting<std::uint32_t>());
  write_megatron(path / "pile.v1_text");
  auto const [name, kind] =
      GENERATE(table<char const*, TokenKind>({{"nano.bin", TokenKind::nanogpt},
                                              {"ours.bin", TokenKind::llmc},
                                              {"wide.bin", TokenKind::llmc},
                                              {"pile.v1_text", TokenKind::megatron},
                                              {"pile.v1_text.bin", TokenKind::megatron},
                                              {"pile.v1_text.idx", TokenKind::megatron}}));
  INFO(name);
  auto const source = open_source((path / name).string(), options);
  CHECK(source.train.file->layout().kind == kind);
  CHECK_FALSE(source.dataset);
  check_counting(source);
  CHECK(source.validation.tokens == 101);  // a tenth of 99 windows, rounded up, and the token that follows
  CHECK(source.validation.windows(10) == 10);
}

TEST_CASE("ids of every width are read, and those that are none refused by place and number") {
  struct Stored {
    std::uint8_t type;
    std::int64_t width;
    std::string bytes;
    char const* reason;
  };
  using test::bytes_of;
  auto const stored = GENERATE_COPY(
      Stored{1, 1, bytes_of(std::uint8_t{7}, std::uint8_t{250}), nullptr},
      Stored{2, 1, bytes_of(std::int8_t{7}, std::int8_t{-6}), "token 1 is -6, which is no id"},
      Stored{3, 2, bytes_of(std::int16_t{7}, std::int16_t{250}), nullptr},
      Stored{3, 2, bytes_of(std::int16_t{7}, std::int16_t{-250}), "token 1 is -250, which is no id"},
      Stored{4, 4, bytes_of(std::int32_t{7}, std::int32_t{70000}),
             "token 1 is 70000, beyond the vocabulary of 2000"},
      Stored{4, 4, bytes_of(std::int32_t{7}, std::int32_t{-1}), "token 1 is -1, which is no id"},
      Stored{5, 8, bytes_of(std::int64_t{7}, std::int64_t{250}), nullptr},
      Stored{5, 8, bytes_of(std::int64_t{7}, std::int64_t{1} << 32), "token 1 is 4294967296, beyond"},
      Stored{8, 2, bytes_of(std::uint16_t{7}, std::uint16_t{65535}),
             "token 1 is 65535, beyond the vocabulary"});
  test::ScratchFolder const folder;
  test::MegatronIndex index({2}, stored.width);
  index.type = stored.type;
  test::write_text(folder.path() / "t.idx", index.bytes());
  test::write_text(folder.path() / "t.bin", stored.bytes);
  if (stored.reason != nullptr) {
    REQUIRE_THROWS_WITH(TokenFile(folder.path() / "t.idx", 2000),
                        ContainsSubstring("t.bin") && ContainsSubstring(stored.reason));
  } else {
    std::vector<Token> tokens(2);
    TokenFile(folder.path() / "t.idx", 2000).read(0, tokens);
    CHECK(tokens == std::vector<Token>{7, 250});
  }
}

TEST_CASE("ids beyond 16 bits are read where the vocabulary holds them") {
  test::ScratchFolder const folder;
  test::MegatronIndex index({2}, 4);
  index.type = 4;
  test::write_text(folder.path() / "t.idx", index.bytes());
  test::write_text(folder.path() / "t.bin", test::bytes_of(std::int32_t{1}, std::int32_t{128'255}));
  CHECK(TokenFile(folder.path() / "t", 128'256).highest_id() == 128'255);
  CHECK(TokenFile(folder.path() / "t").highest_id() == 128'255);
}

TEST_CASE("a folder of nanoGPT's brings its validation text") {
  test::ScratchFolder const folder;
  test::write_text(folder.path() / "train.bin", counting<std::uint16_t>(900));
  test::write_text(folder.path() / "val.bin", counting<std::uint16_t>(50));
  auto const source = open_source(folder.path().string(), options);
  CHECK(source.train.tokens == 900);
  CHECK(source.validation.tokens == 50);
  CHECK(source.validation.file->path() == folder.path() / "val.bin");
}

TEST_CASE("a prepared folder brings its validation text, and must be what the deck says") {
  test::ScratchFolder const folder;
  test::write_text(folder.path() / "text", test::dictionary(200));
  auto const out = folder.path() / "out";
  auto const dataset = prepare({.sources = {(folder.path() / "text").string()},
                                .out = out,
                                .vocab = 0,
                                .byte_level = true,
                                .validation_fraction = 0.1,
                                .progress = nullptr})
                           .dataset;
  CorpusOptions said{.tokenizer = "bytes", .vocab = 257, .validation_fraction = 0.1, .context = 10};
  auto const source = open_source(out.string(), said);
  REQUIRE(source.dataset);
  CHECK(source.train.tokens == dataset.train.tokens);
  CHECK(source.validation.tokens == dataset.validation.tokens);

  said.validation_fraction = 0.2;
  CHECK_THROWS_WITH(open_source(out.string(), said), ContainsSubstring("was split with 0.1"));
  said.tokenizer = "none";
  CHECK_THROWS_WITH(open_source(out.string(), said), ContainsSubstring("is not the tokenizer of") &&
                                                         ContainsSubstring("use \"bytes\"") &&
                                                         ContainsSubstring("was split with"));
}

TEST_CASE("what is no source is refused, each for its own reason") {
  struct Broken {
    char const* name;
    char const* reason;
    std::function<void(std::filesystem::path const&)> make;
  };
  auto const nothing = [](auto const&) {};
  auto const broken = GENERATE_COPY(
      Broken{"absent", "there is no such folder or file", nothing},
      Broken{"absent.bin", "there is no such folder or file", nothing},
      Broken{"empty", "holds no prepared dataset",
             [](auto& path) { std::filesystem::create_directory(path / "empty"); }},
      Broken{"half", "nor nanoGPT's train.bin and val.bin",
             [](auto& path) { test::write_text(path / "half/train.bin", "abcd"); }},
      Broken{"t.npy", "only files named *.bin",
             [](auto& path) { test::write_text(path / "t.npy", "\x93NUMPY\1\2"); }},
      Broken{"lone.idx", "lone.bin: cannot be opened",
             [](auto& path) { test::write_text(path / "lone.idx", test::MegatronIndex({1}, 2).bytes()); }},
      Broken{"lone", "lone.bin: cannot be opened",
             [](auto& path) { test::write_text(path / "lone.idx", test::MegatronIndex({1}, 2).bytes()); }},
      Broken{"t.bin", "t.idx: is no index of Megatron's",
             [](auto& path) {
               test::write_text(path / "t.idx", "an index of another kind");
               test::write_text(path / "t.bin", "abcd");
             }},
      Broken{"folder.bin", "folder.bin",
             [](auto& path) { std::filesystem::create_directory(path / "folder.bin"); }},
      Broken{"t.bin", "token 1 is 25699, beyond the vocabulary of 2000",
             [](auto& path) { test::write_text(path / "t.bin", std::string("a\0cd", 4)); }});
  test::ScratchFolder const folder;
  broken.make(folder.path());
  INFO(broken.name << ": " << broken.reason);
  REQUIRE_THROWS_AS(open_source((folder.path() / broken.name).string(), options), base::InputError);
  REQUIRE_THROWS_WITH(open_source((folder.path() / broken.name).string(), options),
                      ContainsSubstring(broken.reason));
}

TEST_CASE("a path that no file can have is refused like one that none has") {
  REQUIRE_THROWS_WITH(open_source(std::string(5000, 'x'), options),
                      ContainsSubstring("no such folder or file"));
}
