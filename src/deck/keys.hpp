// Every key of a deck, declared once: parsing, errors, schema and echo all come from this table.
#pragma once

#include <functional>
#include <span>
#include <string>
#include <string_view>

#include "deck/deck.hpp"
#include "deck/value.hpp"

namespace atl::deck {

struct Key {
  KeyDoc doc;
  bool agreed = false;      // the same for all processes of a run, see `agreement`
  bool takes_text = false;  // a `--set` value for it needs no quotes, whatever it looks like
  std::function<Verdict(Value const&, RunConfig&)> read;
  std::function<std::string(RunConfig const&)> write;

  std::string path() const { return doc.section + '.' + doc.key; }
};

// In the order of the schema; the keys of one section stand together.
std::span<Key const> keys();

// The sections in their order, and the keys of one (empty: there is no such section).
std::vector<std::string_view> section_names();
std::vector<std::string_view> key_names(std::string_view section);
// Null where there is no such key.
Key const* find_key(std::string_view section, std::string_view name);

}  // namespace atl::deck
