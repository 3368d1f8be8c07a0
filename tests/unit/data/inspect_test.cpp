// What is said about token files and datasets.
#include "data/inspect.hpp"

#include "base/error.hpp"
#include "data/prepare.hpp"
#include "support/catch.hpp"
#include "support/scratch_folder.hpp"
#include "unit/data/sample_text.hpp"
#include "unit/data/token_bytes.hpp"

using namespace atl;
using namespace atl::data;

TEST_CASE("a token file is described by its numbers, and by its text where a tokenizer is given") {
  test::ScratchFolder const folder;
  auto const file = folder.path() / "t.bin";
  test::write_counting_tokens(file, 120);

  auto const plain = inspect(file);
  REQUIRE(plain.files.size() == 1);
  CHECK_FALSE(plain.dataset);
  CHECK(plain.files[0].layout.tokens == 120);
  CHECK(plain.files[0].highest_id == 119);
  CHECK(plain.files[0].first_text.empty());
  CHECK_THAT(describe(plain),
             ContainsSubstring("llm.c: 120 tokens of 16 bits\n") && ContainsSubstring("0 .. 119"));

  CHECK_THAT(inspect(file, "bytes").files[0].first_text, ContainsSubstring("!\"#$%&'()*+,-./0123456789"));
}

TEST_CASE("a dataset is described with its sources, its split and its first lines") {
  test::ScratchFolder const folder;
  auto const text = folder.path() / "text";
  test::write_text(text, "caf\xE9\n\n" + test::dictionary(200));
  PrepareOptions options;
  options.sources = {text.string()};
  options.out = folder.path() / "out";
  options.byte_level = true;
  options.validation_fraction = 0.1;
  prepare(options);

  auto const inspection = inspect(options.out);
  REQUIRE(inspection.dataset);
  REQUIRE(inspection.files.size() == 2);
  CHECK(inspection.files[0].layout.tokens == inspection.dataset->train.tokens);
  CHECK(inspection.files[1].digest == inspection.dataset->validation.digest);
  auto const words = describe(inspection);
  CHECK_THAT(words, ContainsSubstring("1 invalid UTF-8 sequence") && ContainsSubstring("first at byte 3"));
  CHECK_THAT(words, ContainsSubstring("vocab 257") && ContainsSubstring("% of the text"));
  CHECK_THAT(words, ContainsSubstring("    | ") && ContainsSubstring("\\, n."));
}

TEST_CASE("a Megatron pair and a folder of nanoGPT's are described too") {
  test::ScratchFolder const folder;
  test::MegatronIndex index({2, 1}, 4);
  index.type = 4;
  test::write_text(folder.path() / "m.idx", index.bytes());
  test::write_text(folder.path() / "m.bin",
                   test::bytes_of(std::int32_t{72}, std::int32_t{105}, std::int32_t{100'000}));
  auto const words = describe(inspect(folder.path() / "m.idx"));
  CHECK_THAT(words, ContainsSubstring("m.bin") &&
                        ContainsSubstring("Megatron: 3 tokens of 32 bits in 2 documents") &&
                        ContainsSubstring("72 .. 100000"));

  test::write_text(folder.path() / "train.bin", std::string("a\0b\0c\0", 6));
  test::write_text(folder.path() / "val.bin", std::string("d\0", 2));
  auto const nanogpt = inspect(folder.path(), "bytes");
  REQUIRE(nanogpt.files.size() == 2);
  CHECK(nanogpt.files[0].first_text == "abc");
  CHECK(nanogpt.files[1].first_text == "d");
  CHECK_THAT(describe(nanogpt), ContainsSubstring("nanoGPT: 3 tokens of 16 bits"));
}

TEST_CASE("what is neither a token file nor a dataset is refused") {
  test::ScratchFolder const folder;
  test::write_text(folder.path() / "text", "just text");
  CHECK_THROWS_AS(inspect(folder.path()), base::InputError);
  CHECK_THROWS_AS(inspect(folder.path() / "text"), base::InputError);
  CHECK_THROWS_AS(inspect(folder.path() / "absent"), base::InputError);
}

TEST_CASE("a tokenizer too small for the file is refused") {
  test::ScratchFolder const folder;
  test::write_counting_tokens(folder.path() / "t.bin", 300);
  REQUIRE_THROWS_WITH(inspect(folder.path() / "t.bin", "bytes"),
                      ContainsSubstring("beyond the vocabulary of 257"));
}
