// From a deck's text to the value that was written for each key of a table, whatever the keys fill.
#pragma once

#include <filesystem>
#include <functional>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "deck/key.hpp"
#include "deck/report.hpp"
#include "deck/value.hpp"

namespace atl::deck {

using KeyList = std::vector<Key const*>;

// The text of a deck. Throws InputError where `file` is no text file of at most 1 MiB.
std::string read_text(std::filesystem::path const& file);

// The sections that a deck writes, in its order. Throws InputError at a syntax error.
std::vector<std::string> sections_of(std::string const& text, std::string const& where);

// What a deck says of the keys of a table.
struct Values {
  std::map<std::pair<Key const*, std::size_t>, Value> of;  // by key and, of a list, item
  std::map<std::string, std::size_t, std::less<>> items;   // how many a list has
};

// What text and overrides say, overrides last; reports every section and key that is not of `keys`.
Values read_values(KeyList const& keys, std::string const& text, std::string const& where,
                   std::vector<std::string> const& overrides, Report& report);

// Reports that `value` cannot be the key's, and what could.
void reject(Key const& key, std::size_t item, Value const& value, Fault const& fault, Report& report);

// TOML: the sections with their keys, each with the value at its index.
std::string write_sections(KeyList const& keys, std::function<std::string(std::size_t)> const& value);

}  // namespace atl::deck
