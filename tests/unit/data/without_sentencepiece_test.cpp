// A build without SentencePiece says so before it reads any text, and names what does without.
#include "base/error.hpp"
#include "data/prepare.hpp"
#include "data/sentencepiece.hpp"
#include "support/catch.hpp"
#include "support/file_bytes.hpp"
#include "support/scratch_folder.hpp"
#include "unit/data/sample_text.hpp"

using namespace atl;

TEST_CASE("without SentencePiece text is prepared as bytes, and else refused") {
  test::ScratchFolder const folder;
  test::write_text(folder.path() / "text.txt", test::dictionary(100));
  data::PrepareOptions options;
  options.sources = {(folder.path() / "text.txt").string()};
  options.out = folder.path() / "out";
  options.validation_fraction = 0.1;
  CHECK_THROWS_AS(data::prepare(options), base::InputError);
  CHECK_THROWS_WITH(data::prepare(options), ContainsSubstring("has none") && ContainsSubstring("--bytes"));
  options.byte_level = true;
  CHECK(data::prepare(options).dataset.vocab() == 257);
}

TEST_CASE("without SentencePiece a tokenizer's file is refused by name") {
  test::ScratchFolder const folder;
  auto const file = (folder.path() / "some.model").string();
  test::put_bytes(file, "a model");
  CHECK_THROWS_WITH(data::load_tokenizer(file), ContainsSubstring(file) && ContainsSubstring("has none"));
  CHECK(data::sentencepiece_version() == "not built");
}
