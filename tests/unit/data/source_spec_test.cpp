// Entries of sites.data.
#include "data/source_spec.hpp"

#include <fmt/format.h>

#include "base/error.hpp"
#include "support/catch.hpp"

using namespace atl;
using namespace atl::data;

TEST_CASE("an entry is a path, or several with or without weights") {
  auto const one = parse_source_spec("data/gcide");
  REQUIRE(one.size() == 1);
  CHECK(one[0].path == "data/gcide");
  CHECK(one[0].weight == 0.0);

  auto const plain = parse_source_spec("  data/a + /b/c.bin ");
  REQUIRE(plain.size() == 2);
  CHECK(plain[0].path == "data/a");
  CHECK(plain[1].path == "/b/c.bin");

  auto const weighted = parse_source_spec("a * 0.7 + b *  2e-1 + c  * 3");
  REQUIRE(weighted.size() == 3);
  CHECK(weighted[0].path == "a");
  CHECK(weighted[0].weight == 0.7);
  CHECK(weighted[1].weight == 0.2);
  CHECK(weighted[2].path == "c");
  CHECK(weighted[2].weight == 3.0);
}

TEST_CASE("a path may have blanks, stars and pluses in it") {
  auto const sources = parse_source_spec("my data/a+b + c*d.bin");
  REQUIRE(sources.size() == 2);
  CHECK(sources[0].path == "my data/a+b");
  CHECK(sources[1].path == "c*d.bin");
}

TEST_CASE("an entry that cannot be understood is refused, each for its own reason") {
  struct Broken {
    char const* spec;
    char const* reason;
  };
  auto const broken = GENERATE(
      Broken{"", "a path is empty"}, Broken{"   ", "a path is empty"}, Broken{"+", "a path is empty"},
      Broken{"a + ", "a path is empty"}, Broken{" + a", "a path is empty"},
      Broken{"a + + b", "a path is empty"}, Broken{"a *", "lacks a path or a weight"},
      Broken{"* 0.5", "lacks a path or a weight"}, Broken{"*", "lacks a path or a weight"},
      Broken{"a * b", "\"b\" is no positive weight"}, Broken{"a * 0", "\"0\" is no positive weight"},
      Broken{"a * -1 + b * 2", "\"-1\" is no positive weight"},
      Broken{"a * nan", "\"nan\" is no positive weight"}, Broken{"a * inf", "\"inf\" is no positive weight"},
      Broken{"a * 1e999", "\"1e999\" is no positive weight"},
      Broken{"a * 0.5x", "\"0.5x\" is no positive weight"},
      Broken{"a * 0.5 + b", "1 of 2 sources have a weight"}, Broken{"a + b + a", "\"a\" is named twice"});
  INFO(broken.spec);
  REQUIRE_THROWS_AS(parse_source_spec(broken.spec), base::InputError);
  REQUIRE_THROWS_WITH(parse_source_spec(broken.spec),
                      ContainsSubstring("sites.data") && ContainsSubstring(broken.reason));
}

TEST_CASE("more sources than a mixture can hold are refused") {
  std::string spec = "a0";
  for (int i = 1; i < 65; ++i) spec += fmt::format(" + a{}", i);
  REQUIRE_THROWS_WITH(parse_source_spec(spec), ContainsSubstring("65 sources are named; at most 64"));
}
