// Errors say where, what, and what to do.
#include "base/error.hpp"

#include <string>

#include "support/catch.hpp"

using namespace atl::base;

TEST_CASE("an input error tells every problem, each with its place and remedy") {
  InputError const error({{"deck.toml:3:1", "unknown key 'stpes'", "did you mean 'steps'?"},
                          {"deck.toml:9:9", "-1 is below 0", ""}});
  CHECK(std::string(error.what()) ==
        "deck.toml:3:1: unknown key 'stpes'; did you mean 'steps'?\ndeck.toml:9:9: -1 is below 0");
  REQUIRE(error.problems().size() == 2);
  CHECK(error.problems()[1].where == "deck.toml:9:9");
}

TEST_CASE("an input error of one problem needs no list") {
  InputError const error("--steps", "'ten' is no number", "write 10");
  CHECK(std::string(error.what()) == "--steps: 'ten' is no number; write 10");
  CHECK(error.problems().size() == 1);
}

TEST_CASE("a runtime failure keeps the place that threw it out of what users read") {
  RuntimeFailure const failure("the disk is full");
  auto const here = std::string("error_test.cpp:") + std::to_string(__LINE__ - 1);
  CHECK(std::string(failure.what()) == "the disk is full");
  CHECK_THAT(failure.place(), ContainsSubstring(here));
}

TEST_CASE("ensure throws at its caller's place, and only where the condition does not hold") {
  CHECK_NOTHROW(ensure(true, "two is even"));
  CHECK_THROWS_AS(ensure(false, "two is odd"), RuntimeFailure);
  CHECK_THROWS_WITH(ensure(false, "two is odd"),
                    ContainsSubstring("two is odd") && ContainsSubstring("error_test.cpp"));
}
