// Damage that a disk does: one byte of one file.
#include <fstream>
#include <random>

#include "support/catch.hpp"
#include "support/file_bytes.hpp"
#include "support/scratch_folder.hpp"
#include "unit/checkpoint/small_set.hpp"

using namespace atl;
namespace fs = std::filesystem;

namespace {

// In place, without the rest of the file.
void flip(fs::path const& file, std::uint64_t place, char mask) {
  std::fstream stream(file, std::ios::in | std::ios::out | std::ios::binary);
  stream.seekg(static_cast<std::streamoff>(place));
  auto const byte = static_cast<char>(stream.get());
  stream.seekp(static_cast<std::streamoff>(place));
  stream.put(static_cast<char>(byte ^ mask));
}

// As a resume looks at it.
bool is_sound(fs::path const& checkpoints) {
  auto const newest = checkpoint::newest_complete(checkpoints);
  return newest && checkpoint::check_files(*newest).empty();
}

}  // namespace

TEST_CASE("one byte that is another in any file of a set is found, a thousand times of a thousand") {
  test::ScratchFolder const checkpoints;
  auto const folder = test::write_small_set(checkpoints.path(), 100);
  REQUIRE(is_sound(checkpoints.path()));
  auto const names = test::names_in(folder);
  REQUIRE(names.size() == 4);

  std::mt19937_64 draw(20261122);
  for (int i = 0; i < 1000; ++i) {
    auto const file = folder / names[draw() % names.size()];
    auto const place = draw() % fs::file_size(file);
    auto const mask = static_cast<char>(1 + draw() % 255);
    INFO(file << ", byte " << place << " ^ " << int{mask});
    flip(file, place, mask);
    CHECK_FALSE(is_sound(checkpoints.path()));
    flip(file, place, mask);
  }
  CHECK(is_sound(checkpoints.path()));
}
