// Reading a deck: TOML text and `--set` overrides in, a checked RunConfig out, or every problem at once.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "base/error.hpp"
#include "deck/config.hpp"
#include "deck/key.hpp"

namespace atl::deck {

// Reads `file`, applies `overrides` ("section.key=value"; the value in TOML, or a bare word), checks every
// key, type, range and relation between keys. Throws InputError with all problems, in the order of the deck,
// each at `file:line:column` or `--set section.key`.
RunConfig load(std::filesystem::path const& file, std::vector<std::string> const& overrides);

// As `load`, from text; `where` names it in messages.
RunConfig parse(std::string const& text, std::string const& where, std::vector<std::string> const& overrides);

// `error` with the places that `load` would name, where a problem names a key instead: what is wrong with its
// value showed only when data was opened. The deck has been read once.
base::InputError located(base::InputError const& error, std::filesystem::path const& file,
                         std::vector<std::string> const& overrides);

// Every key with its value as TOML, in the order of the schema: `parse(echo(c)) == c`.
std::string echo(RunConfig const& config);

// The lines "section.key = value" of those keys on which all processes of a run must agree (what makes the
// model, the fragments and the outer rule what they are), for the hello message.
std::string agreement(RunConfig const& config);

// True of diloco and streaming: their sites wait for one another at rounds.
bool is_synchronous(Method method);

// True of codecs too coarse for parameters: releases of them are differences to the version before.
bool is_of_differences(Codec codec);

// The outer rule as the run's method applies it: diloco and streaming take every site into every round and
// fix anchor and late, and how a release is received; diloco has one fragment and no overlap; `whole` is one
// fragment in every method.
OuterSection outer_rule(RunConfig const& config);

// The lines "section.key = value" of `config` that say something else than `other` does.
std::string differences(RunConfig const& config, RunConfig const& other);

// Where a run that is resumed with `now` differs from what its checkpoint was `saved` with, in keys that must
// stay: one problem a key, none where the run may go on.
std::vector<base::Problem> resume_conflicts(RunConfig const& saved, RunConfig const& now);

// Every key, in the order of the schema.
std::vector<KeyDoc> schema();
// Keys as tables of Markdown, a section each.
std::string tables(std::vector<KeyDoc> const& schema);
// The schema as a page: docs/deck.md.
std::string reference();

}  // namespace atl::deck
