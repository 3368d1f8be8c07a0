#include "deck/document.hpp"

#include <fmt/format.h>
#include <toml++/toml.h>

#include <algorithm>
#include <optional>

namespace atl::deck {

namespace {

Place place_in(std::string const& where, toml::source_position at) {
  return {fmt::format("{}:{}:{}", where, at.line, at.column), at.line, at.column};
}

Scalar to_scalar(toml::node const& node) {
  return node.visit([](auto const& exact) -> Scalar {
    using T = std::remove_cvref_t<decltype(exact)>;
    if constexpr (toml::is_table<T>)
      return Foreign{"{table}"};
    else if constexpr (toml::is_array<T>)
      return Foreign{"[list]"};
    else if constexpr (toml::is_chronological<T>)
      return Foreign{"date or time"};
    else
      return exact.get();
  });
}

Value to_value(toml::node const& node) {
  auto const* list = node.as_array();
  if (!list) return {.items = {to_scalar(node)}};
  Value value{.is_list = true};
  for (auto const& item : *list) value.items.push_back(to_scalar(item));
  return value;
}

// The value of an override; nothing where it is neither TOML nor a bare word. None at all is an empty text.
std::optional<Value> read_value(std::string const& text) {
  auto const parsed = [](std::string const& toml) -> std::optional<Value> {
    try {
      auto const table = toml::parse("value = " + toml);
      if (table.size() == 1) return to_value(*table.get("value"));
    } catch (toml::parse_error const&) {
    }
    return {};
  };
  if (auto value = parsed(text)) return value;
  bool const meant_as_toml = text.find_first_of("\"'[{") == 0;
  return meant_as_toml ? std::nullopt : parsed(write(text));
}

void add_entries(Document& document, std::string const& section, std::size_t item, toml::table const& table,
                 std::string const& where) {
  for (auto const& [key, value] : table)
    document.entries.push_back({.section = section,
                                .key = std::string(key),
                                .value = to_value(value),
                                .place = place_in(where, key.source().begin),
                                .item = item});
}

std::string_view trimmed(std::string_view text) {
  auto const first = text.find_first_not_of(" \t");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

}  // namespace

Document read_document(std::string_view text, std::string const& where) {
  toml::table root;
  try {
    root = toml::parse(text);
  } catch (toml::parse_error const& error) {
    throw base::InputError(place_in(where, error.source().begin).text,
                           fmt::format("not TOML: {}", error.description()),
                           "a deck holds [sections] of lines key = value, with text in double quotes");
  }
  Document document;
  for (auto const& [name, node] : root) {
    auto const* list = node.as_array();
    if (list && !list->empty() && list->is_homogeneous<toml::table>()) {
      for (std::size_t item = 0; item < list->size(); ++item) {
        auto const& table = *list->get_as<toml::table>(item);
        document.sections.push_back({std::string(name), place_in(where, table.source().begin), true, true});
        add_entries(document, std::string(name), item, table, where);
      }
      continue;
    }
    auto const* section = node.as_table();
    document.sections.push_back(
        {std::string(name), place_in(where, name.source().begin), section != nullptr});
    if (section) add_entries(document, std::string(name), 0, *section, where);
  }
  return document;
}

std::vector<Entry> read_overrides(std::vector<std::string> const& given, Report& report) {
  std::vector<Entry> entries;
  for (std::string_view const text : given) {
    auto const equals = std::min(text.find('='), text.size());
    auto const path = trimmed(text.substr(0, equals));
    auto const raw = trimmed(text.substr(std::min(equals + 1, text.size())));
    auto const dot = path.find('.');
    if (dot == path.npos || equals == text.size()) {
      report.add({fmt::format("--set {}", text)}, "not of the form section.key=value",
                 "write for example --set run.steps=100");
      continue;
    }
    Place const place{fmt::format("--set {}", path)};
    Entry entry{.section = std::string(path.substr(0, dot)),
                .key = std::string(path.substr(dot + 1)),
                .place = place,
                .raw = std::string(raw)};
    auto const is_same = [&](Entry const& e) { return e.section == entry.section && e.key == entry.key; };
    auto const value = read_value(entry.raw);
    if (std::ranges::any_of(entries, is_same)) {
      report.add(place, "given more than once", "give each key one --set");
    } else if (!value) {
      report.add(place, fmt::format("{} is not TOML", raw),
                 "write a number, true, false, a word, or a list like [1, 2], and quote it for the shell");
    } else {
      entry.value = *value;
      entries.push_back(std::move(entry));
    }
  }
  return entries;
}

}  // namespace atl::deck
