// Files that are no deck, and the decks that come with the program.
#include <fstream>

#include "problems.hpp"
#include "support/scratch_folder.hpp"

using namespace atl;
using namespace atl::test;

namespace {

base::Problem refusal(std::filesystem::path const& file) {
  try {
    deck::load(file, {});
  } catch (base::InputError const& error) {
    REQUIRE(error.problems().size() == 1);
    return error.problems()[0];
  }
  FAIL(file << " was taken");
  return {};
}

}  // namespace

TEST_CASE("what is not TOML is refused at its line and column") {
  check_all_refused({
      {"[run]\nsteps = \n", "d.toml:2:9", "not TOML", "key = value"},
      {"[run]\nname = quick\n", "d.toml:2:8", "not TOML", "text in double quotes"},
      {"[run\nsteps = 3\n", "d.toml:1:5", "not TOML", "[sections]"},
      {"[run]\nsteps = 3\nsteps = 4\n", "d.toml:3:9", "cannot redefine", "key = value"},
      {"[run]\nname = \"\xff\"\n", "d.toml:2:8", "utf-8", "key = value"},
  });
}

TEST_CASE("a file that cannot be a deck is refused by its path") {
  ScratchFolder const folder;
  auto const file = [&](std::string const& content) {
    auto const path = folder.path() / "d.toml";
    std::ofstream(path, std::ios::binary) << content;
    return path;
  };
  CHECK(refusal(folder.path() / "none.toml").what == "no such file");
  CHECK(refusal(folder.path()).what == "is a folder");
  CHECK(refusal(file("")).what == "is empty");
  CHECK(refusal(file(" \n\t\r\n")).what == "is empty");
  CHECK(refusal(file(std::string("\x89HDF\r\n\0\0", 8))).what == "is not a text file");
  CHECK(refusal(file(std::string((1 << 20) + 1, '#'))).what == "is larger than 1 MiB");
  CHECK(refusal(file("")).where == (folder.path() / "d.toml").string());
  CHECK_THAT(refusal(file("")).remedy, ContainsSubstring("inputs/"));
}

TEST_CASE("a problem in a file names the file as it was given") {
  ScratchFolder const folder;
  auto const path = folder.path() / "mine.toml";
  std::ofstream(path) << "[run]\nsteps = 0\n";
  CHECK(refusal(path).where == path.string() + ":2:1");
}

TEST_CASE("line ends of Windows and a byte order mark are no problem") {
  CHECK(deck::parse("\xef\xbb\xbf[run]\r\nsteps = 77\r\n", "d.toml", {}).run.steps == 77);
}

TEST_CASE("every deck in inputs is right, has a comment on every line, and says the same when echoed") {
  int decks = 0;
  for (auto const& entry : std::filesystem::directory_iterator(ATOLL_TEST_INPUTS_FOLDER)) {
    if (entry.is_directory()) continue;  // of simulations, whose keys are others
    INFO(entry.path());
    auto const config = deck::load(entry.path(), {});
    CHECK(deck::parse(deck::echo(config), "echo", {}) == config);
    CHECK(config.run.name == entry.path().stem());
    std::ifstream in(entry.path());
    for (std::string line; std::getline(in, line);)
      if (line.find('=') != line.npos) CHECK_THAT(line, ContainsSubstring("# "));
    ++decks;
  }
  CHECK(decks >= 3);
}
