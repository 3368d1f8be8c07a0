#include "deck/reading.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <fstream>
#include <set>

#include "deck/document.hpp"
#include "deck/nearest.hpp"

namespace atl::deck {

namespace {

// ---- names: those of the table, and what others may have been meant to be ----------------------

using Names = std::vector<std::string_view>;

Names section_names(KeyList const& keys) {
  Names names;
  for (auto const* key : keys)
    if (names.empty() || names.back() != key->doc.section) names.push_back(key->doc.section);
  return names;
}

Names key_names(KeyList const& keys, std::string_view section) {
  Names names;
  for (auto const* key : keys)
    if (key->doc.section == section) names.push_back(key->doc.key);
  return names;
}

// What `name` may have been meant to be: one of `known`, or a key of some section.
std::string guess(KeyList const& keys, std::string_view name, Names const& known, std::string_view kind) {
  std::vector<std::string> homes;
  for (auto const* key : keys)
    if (key->doc.key == name) homes.push_back(key->doc.heading());
  if (!homes.empty()) return fmt::format("it is a key of {}", fmt::join(homes, " and "));
  auto const close = nearest(name, known);
  return close.empty() ? fmt::format("the {} are {}", kind, fmt::join(known, ", "))
                       : fmt::format("did you mean \"{}\"?", close);
}

// False, and a report, where `header` is not that of a section.
bool check_section(KeyList const& keys, Header const& header, Report& report) {
  auto const& name = header.name;
  auto const key = std::ranges::find_if(keys, [&](Key const* k) { return k->doc.section == name; });
  if (key == keys.end()) {
    auto const what = header.is_table ? fmt::format("unknown section [{}]", name)
                                      : fmt::format("\"{}\" stands outside every section", name);
    report.add(header.place, what, guess(keys, name, section_names(keys), "sections"));
    return false;
  }
  bool const is_of_list = (*key)->doc.is_of_list;
  if (header.is_table && header.is_item == is_of_list) return true;
  auto const what = !header.is_table ? "a section, not a key"
                    : is_of_list     ? "one section of several"
                                     : "a section that stands once";
  report.add(header.place, fmt::format("\"{}\" is {}", name, what),
             fmt::format("write {} on a line of its own, {}, and its keys below", (*key)->doc.heading(),
                         is_of_list ? "for each of them" : "once"));
  return false;
}

void collect(KeyList const& keys, Entry const& entry, Values& values, Report& report) {
  auto const found = std::ranges::find_if(
      keys, [&](Key const* key) { return key->doc.section == entry.section && key->doc.key == entry.key; });
  if (found == keys.end()) {
    report.add(entry.place, fmt::format("unknown key \"{}\" in [{}]", entry.key, entry.section),
               guess(keys, entry.key, key_names(keys, entry.section), "keys of this section"));
    return;
  }
  auto const* key = *found;
  report.written(key->path(entry.item), entry.place);
  bool const is_plain =
      !entry.value.is_list && !std::holds_alternative<std::string>(entry.value.items.front());
  bool const is_unquoted_text = !entry.raw.empty() && key->takes_text && is_plain;
  values.of[{key, entry.item}] = is_unquoted_text ? Value{.items = {entry.raw}} : entry.value;
}

}  // namespace

std::string read_text(std::filesystem::path const& file) {
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
  return text;
}

std::vector<std::string> sections_of(std::string const& text, std::string const& where) {
  std::vector<std::string> names;
  for (auto const& section : read_document(text, where).sections) names.push_back(section.name);
  return names;
}

Values read_values(KeyList const& keys, std::string const& text, std::string const& where,
                   std::vector<std::string> const& overrides, Report& report) {
  Values values;
  auto const document = read_document(text, where);
  std::set<std::string> sound;
  for (auto const& header : document.sections) {
    if (!check_section(keys, header, report)) continue;
    sound.insert(header.name);
    if (!header.is_item) continue;
    report.written(fmt::format("{}[{}]", header.name, values.items[header.name]++), header.place);
  }
  for (auto const& entry : document.entries)
    if (sound.contains(entry.section)) collect(keys, entry, values, report);
  for (auto const& entry : read_overrides(overrides, report))
    if (check_section(keys, {entry.section, entry.place}, report)) collect(keys, entry, values, report);
  return values;
}

void reject(Key const& key, std::size_t item, Value const& value, Fault const& fault, Report& report) {
  std::string expected = fmt::format("expected {}", key.doc.type);
  if (!key.doc.range.empty()) expected += fmt::format(": {}", key.doc.range);
  if (!key.doc.unit.empty()) expected += fmt::format(" ({})", key.doc.unit);
  auto const question = fault.hint.empty() ? "" : fmt::format("did you mean \"{}\"? ", fault.hint);
  report.reject(key.path(item), fmt::format("{} = {} {}", key.path(item), write(value), fault.complaint),
                question + expected);
}

std::string write_sections(KeyList const& keys, std::function<std::string(std::size_t)> const& value) {
  std::string text;
  std::string_view section;
  for (std::size_t i = 0; i < keys.size(); ++i) {
    auto const& doc = keys[i]->doc;
    if (doc.section != section) {
      text += fmt::format("{}{}\n", section.empty() ? "" : "\n", doc.heading());
      section = doc.section;
    }
    text += fmt::format("{} = {}\n", doc.key, value(i));
  }
  return text;
}

}  // namespace atl::deck
