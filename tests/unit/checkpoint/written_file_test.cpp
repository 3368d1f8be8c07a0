#include "checkpoint/written_file.hpp"

#include "support/catch.hpp"
#include "support/file_bytes.hpp"
#include "support/scratch_folder.hpp"

using namespace atl;
using namespace atl::checkpoint;

TEST_CASE("a description holds the size and the digest of all bytes") {
  test::ScratchFolder const folder;
  std::string const bytes(3'000'001, 'x');  // more than one block
  test::put_bytes(folder.path() / "file", bytes);
  CHECK(describe(folder.path() / "file") ==
        WrittenFile{.name = "file", .bytes = bytes.size(), .digest = base::digest_of(bytes)});
}

TEST_CASE("damage is found by size and by digest") {
  test::ScratchFolder const folder;
  auto const file = folder.path() / "file";
  test::put_bytes(file, "0123456789");
  auto const written = describe(file);
  REQUIRE_FALSE(find_damage(folder.path(), written, true).has_value());

  SECTION("missing") {
    std::filesystem::remove(file);
    CHECK(find_damage(folder.path(), written, false)->what == "the file is missing");
  }
  SECTION("cut short") {
    test::put_bytes(file, "012345678");
    CHECK(find_damage(folder.path(), written, false)->what == "has 9 bytes, 10 were written");
  }
  SECTION("one bit") {
    test::flip_bit(file, 9);
    CHECK_FALSE(find_damage(folder.path(), written, false).has_value());
    CHECK_THAT(find_damage(folder.path(), written, true)->what, ContainsSubstring(written.digest.hex()));
  }
}
