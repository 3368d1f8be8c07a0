// Files as bytes, so that tests can look at them and damage them.
#pragma once

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

namespace atl::test {

inline std::string bytes_of(std::filesystem::path const& file) {
  std::ifstream in(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

inline void put_bytes(std::filesystem::path const& file, std::string const& bytes) {
  std::ofstream(file, std::ios::binary | std::ios::trunc) << bytes;
}

inline void flip_bit(std::filesystem::path const& file, std::size_t offset) {
  std::string bytes = bytes_of(file);
  bytes.at(offset) = static_cast<char>(bytes.at(offset) ^ 1);
  put_bytes(file, bytes);
}

// The names in a folder, sorted.
inline std::vector<std::string> names_in(std::filesystem::path const& folder) {
  std::vector<std::string> names;
  for (auto const& entry : std::filesystem::directory_iterator(folder))
    names.push_back(entry.path().filename());
  std::ranges::sort(names);
  return names;
}

}  // namespace atl::test
