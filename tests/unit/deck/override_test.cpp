// `--set section.key=value`.
#include <fstream>

#include "problems.hpp"
#include "support/scratch_folder.hpp"

using namespace atl;
using namespace atl::test;

TEST_CASE("an override wins over the deck, and the deck over the default") {
  auto const config = deck::parse("[run]\nsteps = 100\nseed = 7\n", "d.toml", {"run.steps=200"});
  CHECK(config.run.steps == 200);
  CHECK(config.run.seed == 7);
  CHECK(config.model.width == deck::RunConfig{}.model.width);
}

TEST_CASE("an override mends a wrong value in the deck") {
  CHECK(deck::parse("[outer]\nquorum = \"one\"\n", "d.toml", {"outer.quorum=2"}).outer.quorum == 2);
}

TEST_CASE("the value of an override is TOML, or a bare word where a text is expected") {
  auto const config =
      deck::parse("", "d.toml",
                  {"run.name=try2", "run.method=data_parallel", "inner.betas=[0.8, 0.9]",
                   "data.tokenizer=\"bytes\"", "sites.data=data/two words", " inner.lr = 1e-4 "});
  CHECK(config.run.name == "try2");
  CHECK(config.run.method == deck::Method::data_parallel);
  CHECK(config.inner.betas == std::array{0.8, 0.9});
  CHECK(config.data.tokenizer == "bytes");
  CHECK(config.sites.data == std::vector<std::string>{"data/two words"});
  CHECK(config.inner.lr == 1e-4);
}

TEST_CASE("a text may look like a number, a date or a truth value in an override") {
  for (std::string const name : {"2024", "1.50", "2024-01-01", "true", "1e5"})
    CHECK(deck::parse("", "d.toml", {"run.name=" + name}).run.name == name);
}

TEST_CASE("no value at all is an empty text") {
  CHECK(deck::parse("[run]\ninitial_model = \"a\"\n", "d.toml", {"run.initial_model="})
            .run.initial_model.empty());
}

TEST_CASE("what is wrong with a key's value is located where the key was written, also when it shows late") {
  test::ScratchFolder const folder;
  auto const deck = folder.path() / "d.toml";
  std::ofstream(deck) << "[data]\n\ntokenizer = \"bytes\"\nvalidation_fraction = 0.2\n";
  base::InputError const error({{"data.tokenizer", "is another", "x"},
                                {"data.validation_fraction", "is another", "y"},
                                {"model.vocab", "is small", "z"},
                                {"data/text", "is missing", ""}});
  auto const place = deck.string();
  CHECK(deck::located(error, deck, {"data.validation_fraction=0.3"}).what() ==
        place + ":3:1: data.tokenizer: is another; x\n" +
            "--set data.validation_fraction: data.validation_fraction: is another; y\n" +
            "model.vocab: is small; z\ndata/text: is missing");
}

TEST_CASE("a bad override is refused by its name") {
  check_all_refused({
      {"", "--set foo", "not of the form section.key=value", "--set run.steps=100", {"foo"}},
      {"", "--set steps=3", "not of the form section.key=value", "--set run.steps=100", {"steps=3"}},
      {"", "--set run.steps", "run.steps = \"\" has the wrong type", "expected integer", {"run.steps="}},
      {"", "--set run.name", "run.name = \"\" is empty", "expected string", {"run.name="}},
      {"", "--set =3", "not of the form section.key=value", "--set run.steps=100", {"=3"}},
      {"",
       "--set run.stepps",
       "unknown key \"stepps\" in [run]",
       "did you mean \"steps\"?",
       {"run.stepps=3"}},
      {"", "--set innner.lr", "unknown section [innner]", "did you mean \"inner\"?", {"innner.lr=3"}},
      {"",
       "--set run.steps",
       "run.steps = \"soon\" has the wrong type",
       "expected integer",
       {"run.steps=soon"}},
      {"", "--set run.steps", "run.steps = 0 is out of range", "1 to 1000000000 (steps)", {"run.steps=0"}},
      {"", "--set run.steps", "has the wrong type", "expected integer", {"run.steps=50\nseed = 3"}},
      {"",
       "--set run.method",
       "is none of its values",
       "did you mean \"decoupled\"?",
       {"run.method=decuopled"}},
      {"", "--set sites.data", "[a,b] is not TOML", "quote it for the shell", {"sites.data=[a,b]"}},
      {"", "--set run.name", "\"a is not TOML", "quote it for the shell", {"run.name=\"a"}},
      {"", "--set run.seed", "given more than once", "one --set", {"run.seed=1", "run.seed=2"}},
  });
}
