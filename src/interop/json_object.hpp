// A small JSON file as one object in which no name stands twice.
#pragma once

#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>

namespace atl::interop {

using Json = nlohmann::json;

// Throws InputError: no object, a name twice (readers differ in which of the two they take), nested deeper
// than such files are. `where` names it in messages.
Json parse_object(std::string const& where, std::string const& text);

// The same, of a file, which may also be missing.
Json read_object(std::filesystem::path const& file);

}  // namespace atl::interop
