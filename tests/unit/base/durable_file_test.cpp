#include "base/durable_file.hpp"

#include "base/error.hpp"
#include "support/catch.hpp"
#include "support/file_bytes.hpp"
#include "support/scratch_folder.hpp"

using namespace atl;
using namespace atl::base;
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
