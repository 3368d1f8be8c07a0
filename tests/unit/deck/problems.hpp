// What a deck's reader complains about, as data, so that tests can say which complaint they expect.
#pragma once

#include <string>
#include <vector>

#include "base/error.hpp"
#include "deck/deck.hpp"
#include "support/catch.hpp"

namespace atl::test {

using Overrides = std::vector<std::string>;

// Every problem of the deck "d.toml" with this text.
inline std::vector<base::Problem> problems(std::string const& text, Overrides const& overrides = {}) {
  try {
    deck::parse(text, "d.toml", overrides);
  } catch (base::InputError const& error) {
    return error.problems();
  }
  return {};
}

// A bad deck, and what must be said of it: the place exactly, of reason and remedy a part.
struct BadDeck {
  std::string text;
  std::string where, what, remedy;
  Overrides overrides = {};
};

// The deck has exactly one problem, the expected one.
inline void check_refused(BadDeck const& bad) {
  INFO(bad.text);
  auto const found = problems(bad.text, bad.overrides);
  for (auto const& problem : found)
    UNSCOPED_INFO(problem.where << ": " << problem.what << "; " << problem.remedy);
  REQUIRE(found.size() == 1);
  CHECK(found[0].where == bad.where);
  CHECK_THAT(found[0].what, ContainsSubstring(bad.what));
  CHECK_THAT(found[0].remedy, ContainsSubstring(bad.remedy));
}

inline void check_all_refused(std::vector<BadDeck> const& decks) {
  for (auto const& bad : decks) check_refused(bad);
}

}  // namespace atl::test
