// Text and files for the tests of this folder.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "data/token.hpp"

namespace atl::test {

// Entry `index` of a small dictionary: a headword in the first column, indented lines, a blank line.
std::string dictionary_entry(std::uint64_t index);
std::string dictionary(std::uint64_t entries);

void write_text(std::filesystem::path const& file, std::string_view text);
void write_compressed(std::filesystem::path const& file, std::string_view text);
std::string read_file(std::filesystem::path const& file);

// A token file that holds 0, 1, 2, ..., so that a token tells its own place.
void write_counting_tokens(std::filesystem::path const& file, std::uint64_t tokens);

}  // namespace atl::test
