// A deck, and after a zero byte an override. What is accepted must say the same when echoed.
#include "deck/deck.hpp"

#include "target.hpp"

void feed(atl::fuzz::Bytes input) {
  namespace deck = atl::deck;
  auto text = atl::fuzz::text_of(input);
  std::vector<std::string> overrides;
  if (auto const end = text.find('\0'); end != text.npos) {
    overrides.push_back(text.substr(end + 1));
    text.resize(end);
  }
  auto const config = deck::parse(text, "deck.toml", overrides);
  atl::fuzz::require(deck::parse(deck::echo(config), "echo", {}) == config);
  atl::fuzz::require(deck::resume_conflicts(config, config).empty());
}
