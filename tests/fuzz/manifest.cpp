// manifest.json of a checkpoint. Its digest of itself is made right first,
// or nothing behind it would be read.
#include "checkpoint/manifest.hpp"

#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "base/digest.hpp"
#include "target.hpp"

namespace {

void mend_digest(std::string& text) {
  constexpr std::string_view key = "\"manifest_digest\": \"";
  constexpr std::size_t digits = 32;
  auto const begin = text.find(key);
  if (begin == text.npos || begin + key.size() + digits > text.size()) return;
  text.replace(begin + key.size(), digits, digits, '0');
  text.replace(begin + key.size(), digits, atl::base::digest_of(std::string_view(text)).hex());
}

std::filesystem::path const& scratch() {
  static auto const folder =
      std::filesystem::temp_directory_path() / ("atoll-fuzz-" + std::to_string(getpid()));
  std::filesystem::create_directories(folder);
  return folder;
}

}  // namespace

void feed(atl::fuzz::Bytes input) {
  namespace checkpoint = atl::checkpoint;
  auto text = atl::fuzz::text_of(input);
  mend_digest(text);
  std::ofstream(scratch() / checkpoint::manifest_name, std::ios::binary) << text;
  auto const manifest = checkpoint::read_manifest(scratch());
  for (auto const& file : manifest.files) atl::fuzz::require(manifest.file(file.name).name == file.name);
}
