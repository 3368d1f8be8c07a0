// Reading a deck: TOML text and `--set` overrides in, a checked RunConfig out, or every problem at once.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "deck/config.hpp"

namespace atl::deck {

// Reads `file`, applies `overrides` ("section.key=value"; the value in TOML, or a bare word), checks every
// key, type, range and relation between keys. Throws InputError with all problems, in the order of the deck,
// each at `file:line:column` or `--set section.key`.
RunConfig load(std::filesystem::path const& file, std::vector<std::string> const& overrides);

// As `load`, from text; `where` names it in messages.
RunConfig parse(std::string const& text, std::string const& where, std::vector<std::string> const& overrides);

// Every key with its value as TOML, in the order of the schema: `parse(echo(c)) == c`.
std::string echo(RunConfig const& config);

// The lines "section.key = value" of those keys on which all processes of a run must agree (what makes the
// model, the fragments and the outer rule what they are), for the hello message.
std::string agreement(RunConfig const& config);

struct KeyDoc {
  std::string section, key, type, unit, default_value, range, meaning;
};

// Every key, in the order of the schema.
std::vector<KeyDoc> schema();

}  // namespace atl::deck
