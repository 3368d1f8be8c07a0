// TOML text and `--set` overrides, taken apart into what was written where. Knows TOML, not our keys.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "deck/report.hpp"
#include "deck/value.hpp"

namespace atl::deck {

// One key as it was written, in the deck or as an override.
struct Entry {
  std::string section, key;
  Value value = {};
  Place place;
  std::string raw = {};  // of an override: the value as it was given
  std::size_t item = 0;  // of a section that is one of several: which
};

struct Header {
  std::string name;
  Place place;
  bool is_table = true;  // false: something else stands where sections do
  bool is_item = false;  // written [[name]]
};

struct Document {
  std::vector<Header> sections;
  std::vector<Entry> entries;
};

// Throws InputError at a syntax error, since nothing after it can be trusted. `where` names the text.
Document read_document(std::string_view text, std::string const& where);

// From "section.key=value"; the value is TOML, or a bare word and so a string. What is neither is reported.
std::vector<Entry> read_overrides(std::vector<std::string> const& given, Report& report);

}  // namespace atl::deck
