// What a deck's entries of sites.data become: shares, shortages, digests.
#include "data/corpus.hpp"

#include "base/error.hpp"
#include "data/prepare.hpp"
#include "data/validation_set.hpp"
#include "support/catch.hpp"
#include "support/scratch_folder.hpp"
#include "unit/data/sample_text.hpp"

using namespace atl;
using namespace atl::data;

namespace {

struct Files {
  test::ScratchFolder folder;
  std::string a = (folder.path() / "a.bin").string(), b = (folder.path() / "b.bin").string(),
              prepared = (folder.path() / "prepared").string();
  CorpusOptions options{.tokenizer = "bytes",
                        .vocab = 40'000,
                        .validation_fraction = 0.1,
                        .context = 10,
                        .sites = 2,
                        .batch = 4};

  Files() {
    test::write_counting_tokens(a, 3001);
    test::write_counting_tokens(b, 1001);
  }

  Dataset prepare_text() const {
    test::write_text(folder.path() / "text", test::dictionary(300));
    return prepare({.sources = {(folder.path() / "text").string()},
                    .out = prepared,
                    .vocab = 0,
                    .byte_level = true,
                    .validation_fraction = 0.1,
                    .progress = nullptr})
        .dataset;
  }
};

}  // namespace

TEST_CASE("without weights the sources have shares by their training tokens") {
  Files const files;
  auto const corpus = open_corpus(files.a + " + " + files.b, files.options);
  REQUIRE(corpus.sources.size() == 2);
  CHECK(corpus.train_tokens() == 2700 + 900);
  CHECK(corpus.validation_tokens() == 301 + 101);
  CHECK_THAT(corpus.sources[0].share, WithinAbs(0.75, 1e-12));
  CHECK(corpus.bytes_per_validation_token() == 0.0);
  CHECK_THAT(describe(corpus),
             ContainsSubstring("a.bin (75 %) + ") && ContainsSubstring("b.bin (25 %): 3600 training tokens"));
}

TEST_CASE("weights give shares, whatever their sum") {
  Files const files;
  auto const corpus = open_corpus(files.a + " * 1 + " + files.b + " * 4", files.options);
  CHECK(corpus.sources[0].share == 0.2);
  CHECK(corpus.sources[1].share == 0.8);
  CHECK(corpus.training()[1].weight == 0.8);
  CHECK(corpus.validation()[1].weight == 0.8);
}

TEST_CASE("a prepared folder alone is what it was before there were mixtures") {
  Files const files;
  auto const dataset = files.prepare_text();
  auto const corpus = open_corpus(files.prepared, files.options);
  CHECK(corpus.digest() == digest_of(dataset));
  CHECK(corpus.bytes_per_validation_token() == dataset.bytes_per_validation_token());
  CHECK_THAT(describe(corpus),
             ContainsSubstring("prepared: 52948 training tokens") && ContainsSubstring("bytes a token"));
  CHECK_NOTHROW(check_digests(corpus));

  auto bytes = test::read_file(dataset.train_file());
  bytes.back() ^= 1;
  test::write_text(dataset.train_file(), bytes);
  CHECK_THROWS_WITH(check_digests(corpus), ContainsSubstring("train.bin"));
}

TEST_CASE("the digest changes with text, weights and what is held out, not with the place") {
  Files const files, elsewhere;
  auto const spec = [](Files const& f, char const* weights) { return f.a + weights + f.b + " * 1"; };
  auto const digest = open_corpus(spec(files, " * 1 + "), files.options).digest();
  CHECK(open_corpus(spec(elsewhere, " * 1 + "), elsewhere.options).digest() == digest);
  CHECK(open_corpus(spec(files, " * 2 + "), files.options).digest() != digest);
  auto options = files.options;
  options.validation_fraction = 0.2;
  CHECK(open_corpus(spec(files, " * 1 + "), options).digest() != digest);
  test::write_counting_tokens(files.b, 1011);
  CHECK(open_corpus(spec(files, " * 1 + "), files.options).digest() != digest);
}

TEST_CASE("a corpus that has passed its checks fills a validation batch") {
  Files files;
  for (int batch = 1; batch <= 12; ++batch) {
    files.options.batch = batch;
    auto const corpus = open_corpus(files.a + " * 1 + " + files.b + " * 5", files.options);
    auto const set = [&] {
      return ValidationSet({.sources = corpus.validation(), .sequences = batch, .context = 10, .batches = 1});
    };
    REQUIRE_NOTHROW(set());
  }
  files.options.batch = 13;  // 5/6 of it are 11 windows; b has 10
  CHECK_THROWS_WITH(open_corpus(files.a + " * 1 + " + files.b + " * 5", files.options),
                    ContainsSubstring("b.bin has 101 validation tokens, and one batch takes 111"));
}

TEST_CASE("all that is wrong with a corpus is said at once") {
  Files const files;
  auto const problems = [&](std::string const& entry, CorpusOptions const& options) {
    try {
      open_corpus(entry, options);
    } catch (base::InputError const& error) {
      return error.problems().size();
    }
    return std::size_t{0};
  };
  CHECK(problems(files.a + " + absent.bin + " + files.folder.path().string(), files.options) == 2);
  auto options = files.options;
  options.sites = 500;
  options.batch = 500;
  CHECK(problems(files.a + " + " + files.b, options) == 4);
  CHECK(problems(files.a + " * 1 + " + files.b + " * 100000", files.options) == 1);
}

TEST_CASE("the vocabulary is the deck's, or the tokenizer's") {
  CHECK(vocabulary("bytes", 0) == 257);
  CHECK(vocabulary("bytes", 300) == 300);
  CHECK(vocabulary("none", 50257) == 50257);
  CHECK_THROWS_WITH(vocabulary("bytes", 256), ContainsSubstring("256 is less than the tokenizer's 257"));
  CHECK_THROWS_WITH(vocabulary("none", 0), ContainsSubstring("model.vocab"));
}
