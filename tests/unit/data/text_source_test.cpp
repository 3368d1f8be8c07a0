// Text files as a stream of entries.
#include "data/text_source.hpp"

#include <filesystem>
#include <numeric>
#include <string>
#include <vector>

#include "base/error.hpp"
#include "support/catch.hpp"
#include "support/scratch_folder.hpp"
#include "unit/data/sample_text.hpp"

using namespace atl;
using namespace atl::data;
using Strings = std::vector<std::string>;

namespace {

Strings entries_of(std::filesystem::path const& file) {
  EntryReader reader(file);
  Strings entries;
  for (std::string entry; reader.next(entry);) entries.push_back(entry);
  return entries;
}

Strings entries_of_text(std::string const& text) {
  test::ScratchFolder const folder;
  test::write_text(folder.path() / "text", text);
  return entries_of(folder.path() / "text");
}

std::string joined(Strings const& parts) {
  return std::accumulate(parts.begin(), parts.end(), std::string());
}

Strings names(std::vector<SourceFile> const& files) {
  Strings result;
  for (auto const& file : files) result.push_back(file.name);
  return result;
}

}  // namespace

TEST_CASE("an entry begins in the first column after a blank line") {
  CHECK(entries_of_text("A\n   of a\n\n   more of a\n\nB\n\n\nC") ==
        Strings{"A\n   of a\n\n   more of a\n\n", "B\n\n\n", "C"});
  CHECK(entries_of_text("A\nstill A\n") == Strings{"A\nstill A\n"});
  CHECK(entries_of_text("A\n \t\nB\n") == Strings{"A\n \t\n", "B\n"});        // white space is blank
  CHECK(entries_of_text("A\r\n\r\nB\r\n") == Strings{"A\r\n\r\n", "B\r\n"});  // lines of other systems
}

TEST_CASE("what precedes the first headword belongs to the first entry") {
  CHECK(entries_of_text("\n\nA\n\nB\n") == Strings{"\n\nA\n\n", "B\n"});
  CHECK(entries_of_text("  indented\n\nA\n") == Strings{"  indented\n\n", "A\n"});
  CHECK(entries_of_text("\n \n") == Strings{"\n \n"});
  CHECK(entries_of_text("").empty());
}

TEST_CASE("the entries of a file, joined, are its text") {
  auto const text = test::dictionary(3000) + "no newline at the end";
  REQUIRE(text.size() > 400'000);  // more than one buffer
  auto const entries = entries_of_text(text);
  CHECK(entries.size() == 3001);
  CHECK(joined(entries) == text);
}

TEST_CASE("a line far longer than any buffer is one entry") {
  auto const text = std::string(3'000'000, 'x');
  CHECK(entries_of_text(text) == Strings{text});
}

TEST_CASE("compressed files read like plain ones") {
  test::ScratchFolder const folder;
  auto const text = test::dictionary(500);
  test::write_text(folder.path() / "plain.txt", text);
  test::write_compressed(folder.path() / "text.gz", text);
  test::write_compressed(folder.path() / "dict.dz", text);
  CHECK(entries_of(folder.path() / "text.gz") == entries_of(folder.path() / "plain.txt"));
  CHECK(entries_of(folder.path() / "dict.dz") == entries_of(folder.path() / "plain.txt"));
}

TEST_CASE("damaged compressed data is refused, not read as the end of the text") {
  test::ScratchFolder const folder;
  auto const file = folder.path() / "text.gz";
  test::write_compressed(file, test::dictionary(2000));
  auto bytes = test::read_file(file);

  SECTION("cut off") { test::write_text(file, bytes.substr(0, bytes.size() / 2)); }
  SECTION("cut off within the checksum") { test::write_text(file, bytes.substr(0, bytes.size() - 3)); }
  SECTION("changed") {
    for (std::size_t i = 0; i < 64; ++i) bytes[bytes.size() / 2 + i] ^= 0x55;
    test::write_text(file, bytes);
  }
  SECTION("never compressed") { test::write_text(file, "plain text\n"); }
  REQUIRE_THROWS_AS(entries_of(file), base::InputError);
  REQUIRE_THROWS_WITH(entries_of(file), ContainsSubstring("text.gz"));
}

TEST_CASE("invalid UTF-8 is replaced, counted and located in the whole file") {
  test::ScratchFolder const folder;
  auto const file = folder.path() / "text";
  test::write_text(file, "A\n\nB \xE9t\xE9\n\nC \xFF\n");
  EntryReader reader(file);
  Strings entries;
  for (std::string entry; reader.next(entry);) entries.push_back(entry);
  CHECK(entries == Strings{"A\n\n", "B \xEF\xBF\xBDt\xEF\xBF\xBD\n\n", "C \xEF\xBF\xBD\n"});
  CHECK(reader.replaced().count == 3);
  CHECK(reader.replaced().first_offset == 5);
  CHECK(reader.text_bytes() == joined(entries).size());
}

TEST_CASE("a folder stands for all files below it, sorted by name, without hidden ones") {
  test::ScratchFolder const folder;
  for (auto const* name : {"b.txt", "a/z.txt", "a/a.txt", ".hidden", ".git/config", "c.gz"}) {
    test::write_text(folder.path() / name, "text\n");
  }
  CHECK(names(find_sources({folder.path().string()}).files) ==
        Strings{"a/a.txt", "a/z.txt", "b.txt", "c.gz"});
  CHECK(names(find_sources({(folder.path() / "c.gz").string(), (folder.path() / "a").string()}).files) ==
        Strings{"c.gz", "a.txt", "z.txt"});
}

TEST_CASE("what is not text is left out of a folder, and refused where it is named itself") {
  test::ScratchFolder const folder;
  auto const picture = folder.path() / "picture.png";
  test::write_text(folder.path() / "text", "text\n");
  test::write_text(picture, std::string("\x89PNG\r\n\x1A\n\0\0\0\rIHDR", 16));
  auto const found = find_sources({folder.path().string()});
  CHECK(names(found.files) == Strings{"text"});
  CHECK(found.left_out == Strings{picture.string()});
  CHECK_THROWS_WITH(find_sources({picture.string()}), ContainsSubstring("is not text"));
}

TEST_CASE("all sources that cannot be used are named at once") {
  test::ScratchFolder const folder;
  std::filesystem::create_directories(folder.path() / "empty");
  try {
    find_sources({(folder.path() / "absent").string(), (folder.path() / "empty").string(), "/dev/null"});
    FAIL("nothing was refused");
  } catch (base::InputError const& error) {
    REQUIRE(error.problems().size() == 3);
    CHECK(error.problems()[0].what == "does not exist");
    CHECK(error.problems()[1].what == "holds no text files");
    CHECK(error.problems()[2].what == "is neither a file nor a folder");
  }
  REQUIRE_THROWS_AS(find_sources({}), base::InputError);
}
