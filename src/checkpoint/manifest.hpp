// What a checkpoint holds: the file `manifest.json`, written after all others. A set of files is a checkpoint
// once its manifest is there, and not before.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/digest.hpp"
#include "checkpoint/format.hpp"
#include "checkpoint/written_file.hpp"

namespace atl::checkpoint {

inline constexpr std::string_view manifest_name = "manifest.json";

// Who wrote the set.
struct Layout {
  std::vector<int> ranks_per_site;  // one entry per site
  int shards = 0;

  bool operator==(Layout const&) const = default;
};

struct Manifest {
  std::uint64_t format = format_version;
  std::uint64_t step = 0;
  double time_s = 0.0;  // of the run so far, the parts before a resume included
  std::string kind;     // "quiet": of a run, all sites between two steps; "imported"
  Layout layout;
  std::string deck;                          // resolved, as TOML
  base::Digest param_table;                  // of ParamTable: what the flat buffers mean
  std::map<std::string, std::string> facts;  // what else must hold on resume: "tokenizer", ...
  std::vector<WrittenFile> files;

  bool operator==(Manifest const&) const = default;

  // Throws InputError where the set has no such file.
  WrittenFile const& file(std::string_view name) const;
};

// Publishes `folder/manifest.json`. The files it lists must have been published before. Texts must be UTF-8.
void write_manifest(std::filesystem::path const& folder, Manifest const& manifest);

// Throws InputError where the manifest is missing, torn, altered or of a newer format.
Manifest read_manifest(std::filesystem::path const& folder);

}  // namespace atl::checkpoint
