// Preparing a text with the tokenizer of another.
#include "base/error.hpp"
#include "data/inspect.hpp"
#include "data/prepare.hpp"
#include "support/catch.hpp"
#include "support/scratch_folder.hpp"
#include "unit/data/sample_text.hpp"

using namespace atl;
using namespace atl::data;

namespace {

// Two texts; the first has a tokenizer of its own.
struct TwoSites {
  test::ScratchFolder folder;
  Dataset giver;
  PrepareOptions options;  // of the second

  TwoSites() {
    giver = prepare(options_for("one", 600)).dataset;
    options = options_for("two", 300);
    options.tokenizer = giver.tokenizer();
  }
  PrepareOptions options_for(std::string const& name, std::uint64_t entries) const {
    auto const text = folder.path() / (name + ".txt");
    test::write_text(text, test::dictionary(entries));
    PrepareOptions chosen;
    chosen.sources = {text.string()};
    chosen.out = folder.path() / name;
    chosen.vocab = 400;
    chosen.validation_fraction = 0.1;
    return chosen;
  }
};

}  // namespace

TEST_CASE("a given tokenizer is taken as it is, and inspect says so") {
  TwoSites const sites;
  auto const dataset = prepare(sites.options).dataset;
  CHECK(dataset.tokenizer_digest == sites.giver.tokenizer_digest);
  CHECK(test::read_file(dataset.tokenizer()) == test::read_file(sites.giver.tokenizer()));
  CHECK(dataset.vocab() == sites.giver.vocab());
  CHECK_THAT(describe(inspect(dataset.folder)), ContainsSubstring("SentencePiece (given), vocab 400"));
  CHECK(prepare(sites.options).up_to_date);
}

TEST_CASE("another tokenizer than the one that was given is not taken without force") {
  TwoSites sites;
  prepare(sites.options);
  auto other = sites.options_for("three", 500);
  other.seed = 7;
  sites.options.tokenizer = prepare(other).dataset.tokenizer();
  REQUIRE_THROWS_WITH(prepare(sites.options),
                      ContainsSubstring("the tokenizer") && ContainsSubstring("--force"));
  sites.options.tokenizer.clear();
  REQUIRE_THROWS_WITH(prepare(sites.options), ContainsSubstring("the tokenizer"));
}

TEST_CASE("a tokenizer that is not there is a problem of --tokenizer") {
  TwoSites sites;
  sites.options.tokenizer = sites.folder.path() / "absent.model";
  try {
    prepare(sites.options);
    FAIL("nothing was refused");
  } catch (base::InputError const& error) {
    REQUIRE(error.problems().size() == 1);
    CHECK(error.problems()[0].where == "--tokenizer");
    CHECK_THAT(error.problems()[0].what, ContainsSubstring("absent.model cannot be opened"));
  }
  CHECK_FALSE(std::filesystem::exists(sites.options.out));
}
