// How a finished file is recognised later: by size and digest.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>

#include "base/digest.hpp"
#include "base/error.hpp"

namespace atl::checkpoint {

// A finished file, as the manifest lists it.
struct WrittenFile {
  std::string name;  // within its folder
  std::uint64_t bytes = 0;
  base::Digest digest;  // XXH3-128 of all bytes

  bool operator==(WrittenFile const&) const = default;
};

// Reads `file` once.
WrittenFile describe(std::filesystem::path const& file);

// Compares size, and with `read_contents` also the digest, with what was written; nothing where all is well.
// Both throw RuntimeFailure, with the path and errno's text, where the system fails.
std::optional<base::Problem> find_damage(std::filesystem::path const& folder, WrittenFile const& expected,
                                         bool read_contents);

}  // namespace atl::checkpoint
