// Token files: llm.c's format to the byte, and everything that is refused.
#include "data/token_file.hpp"

#include <cstring>
#include <filesystem>
#include <string>
#include <vector>

#include "base/error.hpp"
#include "support/catch.hpp"
#include "support/scratch_folder.hpp"
#include "unit/data/sample_text.hpp"

using namespace atl;
using namespace atl::data;

namespace {

std::string header(std::int32_t magic, std::int32_t version, std::int32_t tokens) {
  std::string bytes(1024, '\0');
  std::memcpy(bytes.data(), &magic, 4);
  std::memcpy(bytes.data() + 4, &version, 4);
  std::memcpy(bytes.data() + 8, &tokens, 4);
  return bytes;
}

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
        header(20240520, 1, 3) + std::string("\x01\x00\x02\x01\xFF\xFF", 6));
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

TEST_CASE("broken token files are refused, each for its own reason") {
  struct Broken {
    char const* reason;
    std::string bytes;
  };
  std::string const two_tokens("\x01\x00\x02\x00", 4);
  auto const broken = GENERATE_COPY(
      Broken{"is cut off: a token file begins with 1024 bytes of header, it has 0", ""},
      Broken{"is cut off: a token file begins with 1024 bytes of header, it has 12",
             header(20240520, 1, 2).substr(0, 12)},
      Broken{"magic number is 20240801", header(20240801, 7, 2) + two_tokens},  // llm.c's 32-bit tokens
      Broken{"magic number is 1936287828", "This is a text" + std::string(2000, '.')},
      Broken{"version 2", header(20240520, 2, 2) + two_tokens},
      Broken{"holds no tokens", header(20240520, 1, 0)},
      Broken{"says that it holds -2 tokens", header(20240520, 1, -2) + two_tokens},
      Broken{"is cut off: 2 tokens need 1028 bytes, it has 1026",
             header(20240520, 1, 2) + two_tokens.substr(2)},
      Broken{"is longer than it says", header(20240520, 1, 2) + two_tokens + two_tokens},
      Broken{"token 1 is 2, beyond the vocabulary of 2", header(20240520, 1, 2) + two_tokens});
  test::ScratchFolder const folder;
  auto const file = folder.path() / "broken.bin";
  test::write_text(file, broken.bytes);
  INFO(broken.reason);
  REQUIRE_THROWS_AS(TokenFile(file, 2), base::InputError);
  REQUIRE_THROWS_WITH(TokenFile(file, 2),
                      ContainsSubstring(file.string()) && ContainsSubstring(broken.reason));
}

TEST_CASE("a missing token file and a folder are refused") {
  test::ScratchFolder const folder;
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
