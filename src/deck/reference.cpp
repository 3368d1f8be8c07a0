// The schema as a page of Markdown.
#include <fmt/format.h>

#include "deck/deck.hpp"

namespace atl::deck {

namespace {

// A bar would end the cell of a table, in code too; a less-than sign could begin a tag.
std::string cell(std::string const& text) {
  std::string escaped;
  for (char const c : text) {
    if (c == '|' || c == '<') escaped += '\\';
    escaped += c;
  }
  return escaped;
}

}  // namespace

std::string tables(std::vector<KeyDoc> const& schema) {
  std::string page;
  std::string section;
  for (auto const& doc : schema) {
    if (doc.section != section) {
      section = doc.section;
      page += fmt::format("\n## {}\n\n| key | default | values | meaning |\n|--|--|--|--|\n", doc.heading());
    }
    auto const range = doc.range.empty() ? "" : ": " + cell(doc.range);
    auto const unit = doc.unit.empty() ? "" : fmt::format(" ({})", doc.unit);
    page += fmt::format("| `{}`{} | `{}` | {}{}{} | {} |\n", doc.key, doc.may_change_on_resume ? " ↻" : "",
                        cell(doc.default_value), doc.type, range, unit, cell(doc.meaning));
  }
  return page;
}

std::string reference() {
  return "# Every key of a deck\n\n"
         "Made by `atoll schema --markdown`. Decks are TOML; what a deck does not say has its default. Keys "
         "marked ↻ may change when a run is resumed.\n" +
         tables(schema());
}

}  // namespace atl::deck
