// Token files: llm.c's format to the byte, and everything that is refused.
#include "data/token_file.hpp"

#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "base/error.hpp"
#include "support/catch.hpp"
#include "support/scratch_folder.hpp"
#include "unit/data/sample_text.hpp"
#include "unit/data/token_bytes.hpp"

using namespace atl;
using namespace atl::data;

namespace {

void write_tokens(std::filesystem::path const& file, std::vector<Token> const& tokens) {
  TokenFileWriter writer(file);
  writer.append(tokens);
  writer.finish();
}

}  // namespace

TEST_CASE("a token file is llm.c's: header of 256 int32, then little-endian uint16") {
  test::ScratchFolder const folder;
  write_tokens(folder.path() / "t.bin", {1, 258, 65535});
  CHECK(test::read_file(folder.path() / "t.bin") ==
        test::llmc_header(20240520, 1, 3) + std::string("\x01\x00\x02\x01\xFF\xFF", 6));
}

TEST_CASE("what was written is read, from any place, with its range and digest") {
  test::ScratchFolder const folder;
  TokenFileWriter writer(folder.path() / "t.bin");
  std::vector<Token> const first = {5, 6, 7}, second = {900, 3};
  writer.append(first);
  writer.append(second);
  auto const digest = writer.digest();
  writer.finish();

  TokenFile const file(folder.path() / "t.bin", 901);
  REQUIRE(file.size() == 5);
  CHECK(file.lowest_id() == 3);
  CHECK(file.highest_id() == 900);
  CHECK(file.digest() == digest);
  std::vector<Token> read(3);
  file.read(2, read);
  CHECK(read == std::vector<Token>{7, 900, 3});
}

TEST_CASE("a token file larger than one block is surveyed to its end") {
  test::ScratchFolder const folder;
  std::vector<Token> tokens(1'200'000, 100);
  tokens.back() = 2000;
  write_tokens(folder.path() / "t.bin", tokens);
  CHECK(TokenFile(folder.path() / "t.bin").highest_id() == 2000);
  REQUIRE_THROWS_WITH(TokenFile(folder.path() / "t.bin", 2000), ContainsSubstring("token 1199999 is 2000"));
}

TEST_CASE("a token file appears under its name only when it is finished") {
  test::ScratchFolder const folder;
  auto const file = folder.path() / "t.bin";
  {
    TokenFileWriter writer(file);
    writer.append(std::vector<Token>{1, 2, 3});
    CHECK_FALSE(std::filesystem::exists(file));
  }
  CHECK(std::filesystem::is_empty(folder.path()));  // given up: nothing remains
}

TEST_CASE("only the parts of a large file are read at first, and what is wrong elsewhere is found in time") {
  test::ScratchFolder const folder;
  auto const path = folder.path() / "large.bin";
  std::uint64_t const tokens = 70'000'000;  // a sparse file: 140 MB of zeros
  test::write_text(path, test::bytes_of(std::uint16_t{3}, std::uint16_t{4}));
  std::filesystem::resize_file(path, 2 * tokens);
  auto const put = [&](std::uint64_t place, std::uint16_t id) {
    std::fstream file(path, std::ios::binary | std::ios::in | std::ios::out);
    file.seekp(static_cast<std::streamoff>(2 * place));
    file << test::bytes_of(id);
  };
  put(500, 5);  // or it would look like the header of another kind of file
  auto const before = TokenFile(path).digest();
  CHECK(TokenFile(path).size() == tokens);
  put(tokens - 1, 9);
  CHECK(TokenFile(path).highest_id() == 9);
  CHECK(TokenFile(path).digest() != before);

  put(900'000, 999);  // between the first two parts
  TokenFile const file(path, 500);
  CHECK(file.highest_id() == 9);
  std::vector<Token> ids(100);
  REQUIRE_THROWS_WITH(file.read(899'950, ids),
                      ContainsSubstring("token 900000 is 999, beyond the vocabulary"));
  CHECK(TokenFile(path, 0, Coverage::whole).highest_id() == 999);
}

TEST_CASE("a broken token file is refused by name") {
  test::ScratchFolder const folder;
  auto const file = folder.path() / "broken.bin";
  test::write_text(file, test::llmc_header(20240520, 1, 2) + "abc");
  REQUIRE_THROWS_AS(TokenFile(file), base::InputError);
  REQUIRE_THROWS_WITH(TokenFile(file), ContainsSubstring(file.string()) && ContainsSubstring("is cut off"));
}

TEST_CASE("a missing token file, a folder and a pipe are refused at once") {
  test::ScratchFolder const folder;
  REQUIRE(::mkfifo((folder.path() / "pipe.bin").c_str(), 0600) == 0);
  REQUIRE_THROWS_WITH(TokenFile(folder.path() / "pipe.bin"), ContainsSubstring("is not a file"));
  REQUIRE_THROWS_AS(TokenFile(folder.path() / "absent.bin"), base::InputError);
  REQUIRE_THROWS_AS(TokenFile(folder.path()), base::InputError);
}

TEST_CASE("a token file that shrinks or goes bad while it is open is noticed") {
  test::ScratchFolder const folder;
  auto const path = folder.path() / "t.bin";
  write_tokens(path, std::vector<Token>(1000, 1));
  TokenFile const file(path, 10);
  std::vector<Token> read(100);

  SECTION("shorter") {
    std::filesystem::resize_file(path, 1500);
    REQUIRE_THROWS_AS(file.read(900, read), base::RuntimeFailure);
  }
  SECTION("an impossible id") {
    auto bytes = test::read_file(path);
    bytes[1024 + 2 * 950] = 10;
    test::write_text(path, bytes);
    CHECK_NOTHROW(file.read(0, read));
    REQUIRE_THROWS_AS(file.read(900, read), base::InputError);
  }
}
