#include "deck/deck.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <fstream>
#include <map>

#include "deck/checks.hpp"
#include "deck/document.hpp"
#include "deck/keys.hpp"
#include "deck/nearest.hpp"

namespace atl::deck {

namespace {

// ---- names that are no key ---------------------------------------------------------------------

// What `name` may have been meant to be: one of `known`, or a key of some section.
std::string guess(std::string_view name, std::vector<std::string_view> const& known, std::string_view kind) {
  std::vector<std::string> homes;
  for (auto const& key : keys())
    if (key.doc.key == name) homes.push_back(fmt::format("[{}]", key.doc.section));
  if (!homes.empty()) return fmt::format("it is a key of {}", fmt::join(homes, " and "));
  auto const close = nearest(name, known);
  return close.empty() ? fmt::format("the {} are {}", kind, fmt::join(known, ", "))
                       : fmt::format("did you mean \"{}\"?", close);
}

// False, and a report, where `name` is not a section.
bool check_section(std::string const& name, bool is_table, Place const& place, Report& report) {
  bool const is_known = !key_names(name).empty();
  if (name == "chaos") {
    report.add(place, "[[chaos]] is not available in this version", "remove it");
  } else if (!is_known) {
    auto const what = is_table ? fmt::format("unknown section [{}]", name)
                               : fmt::format("\"{}\" stands outside every section", name);
    report.add(place, what, guess(name, section_names(), "sections"));
  } else if (!is_table) {
    report.add(place, fmt::format("\"{}\" is a section, not a key", name),
               fmt::format("write [{}] on a line of its own, once, and its keys below", name));
  }
  return is_known && is_table;
}

// ---- from entries to the config ----------------------------------------------------------------

using Values = std::map<Key const*, Value>;

void collect(Entry const& entry, Values& values, Report& report) {
  auto const* key = find_key(entry.section, entry.key);
  if (!key) {
    report.add(entry.place, fmt::format("unknown key \"{}\" in [{}]", entry.key, entry.section),
               guess(entry.key, key_names(entry.section), "keys of this section"));
    return;
  }
  report.written(key->path(), entry.place);
  bool const is_plain =
      !entry.value.is_list && !std::holds_alternative<std::string>(entry.value.items.front());
  bool const is_unquoted_text = !entry.raw.empty() && key->takes_text && is_plain;
  values[key] = is_unquoted_text ? Value{.items = {entry.raw}} : entry.value;
}

void assign(Key const& key, Value const& value, RunConfig& config, Report& report) {
  auto const fault = key.read(value, config);
  if (!fault) return;
  std::string expected = fmt::format("expected {}", key.doc.type);
  if (!key.doc.range.empty()) expected += fmt::format(": {}", key.doc.range);
  if (!key.doc.unit.empty()) expected += fmt::format(" ({})", key.doc.unit);
  auto const question = fault->hint.empty() ? "" : fmt::format("did you mean \"{}\"? ", fault->hint);
  report.reject(key.path(), fmt::format("{} = {} {}", key.path(), write(value), fault->complaint),
                question + expected);
}

}  // namespace

RunConfig parse(std::string const& text, std::string const& where,
                std::vector<std::string> const& overrides) {
  Report report(where);
  Values values;
  auto const document = read_document(text, where);
  for (auto const& section : document.sections)
    check_section(section.name, section.is_table, section.place, report);
  for (auto const& entry : document.entries)
    if (!key_names(entry.section).empty()) collect(entry, values, report);
  for (auto const& entry : read_overrides(overrides, report))
    if (check_section(entry.section, true, entry.place, report)) collect(entry, values, report);

  RunConfig config;
  for (auto const& [key, value] : values) assign(*key, value, config, report);
  check_relations(config, report);
  check_available(config, report);
  report.throw_if_any();
  return config;
}

RunConfig load(std::filesystem::path const& file, std::vector<std::string> const& overrides) {
  auto const refuse = [&](char const* what) {
    throw base::InputError(file.string(), what,
                           "give the path of a deck, a TOML file such as those in inputs/");
  };
  std::error_code no_throw;
  if (!std::filesystem::exists(file, no_throw)) refuse("no such file");
  if (std::filesystem::is_directory(file, no_throw)) refuse("is a folder");
  std::ifstream in(file, std::ios::binary);
  constexpr std::streamsize most_bytes = 1 << 20;
  std::string text(most_bytes + 1, '\0');
  in.read(text.data(), std::ssize(text));
  if (in.bad() || !in.is_open()) refuse("cannot be read");
  text.resize(static_cast<std::size_t>(in.gcount()));
  if (text.find('\0') != text.npos) refuse("is not a text file");
  if (std::ssize(text) > most_bytes) refuse("is larger than 1 MiB");
  if (text.find_first_not_of(" \t\r\n") == text.npos) refuse("is empty");
  return parse(text, file.string(), overrides);
}

}  // namespace atl::deck
