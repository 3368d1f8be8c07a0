#include "checkpoint/durable_file.hpp"

#include "file_bytes.hpp"
#include "support/catch.hpp"
#include "support/scratch_folder.hpp"

using namespace atoll;
using namespace atoll::checkpoint;
using Names = std::vector<std::string>;

TEST_CASE("a published text is there alone and whole") {
  test::ScratchFolder const folder;
  publish_text(folder.path() / "status.json", "first");
  publish_text(folder.path() / "status.json", "second");
  CHECK(test::names_in(folder.path()) == Names{"status.json"});
  CHECK(read_text(folder.path() / "status.json") == "second");
}

TEST_CASE("a missing file has no text") {
  test::ScratchFolder const folder;
  CHECK_FALSE(read_text(folder.path() / "status.json").has_value());
  CHECK_FALSE(read_text(folder.path() / "no_folder" / "status.json").has_value());
}

TEST_CASE("a file that cannot be written is a runtime failure with path and reason") {
  test::ScratchFolder const folder;
  auto const file = folder.path() / "vanished" / "status.json";
  CHECK_THROWS_AS(publish_text(file, "text"), base::RuntimeFailure);
  CHECK_THROWS_WITH(publish_text(file, "text"),
                    ContainsSubstring(file.string()) && ContainsSubstring("No such file or directory"));
}

TEST_CASE("a text that cannot get its final name leaves nothing behind") {
  test::ScratchFolder const folder;
  std::filesystem::create_directory(folder.path() / "status.json");
  CHECK_THROWS_WITH(publish_text(folder.path() / "status.json", "text"), ContainsSubstring("Is a directory"));
  CHECK(test::names_in(folder.path()) == Names{"status.json"});
}

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
