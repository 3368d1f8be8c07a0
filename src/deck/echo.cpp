// What a config and the key table look like from outside: resolved deck, agreement, schema.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include "deck/checks.hpp"
#include "deck/deck.hpp"
#include "deck/keys.hpp"

namespace atl::deck {

std::string echo(RunConfig const& config) {
  std::string text;
  std::string_view section;
  for (auto const& key : keys()) {
    if (key.doc.section != section) {
      text += fmt::format("{}[{}]\n", section.empty() ? "" : "\n", key.doc.section);
      section = key.doc.section;
    }
    text += fmt::format("{} = {}\n", key.doc.key, key.write(config));
  }
  return text;
}

std::string agreement(RunConfig const& config) {
  std::string text;
  for (auto const& key : keys())
    if (key.agreed) text += fmt::format("{} = {}\n", key.path(), key.write(config));
  return text;
}

std::vector<KeyDoc> schema() {
  std::vector<KeyDoc> docs;
  for (auto const& key : keys()) {
    docs.push_back(key.doc);
    if (auto const values = available_values(key.path()); !values.empty())
      docs.back().meaning += fmt::format("; in this version only {}", fmt::join(values, " or "));
  }
  return docs;
}

}  // namespace atl::deck
