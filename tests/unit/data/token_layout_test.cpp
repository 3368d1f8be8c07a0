// Headers of token files, from memory: what is recognized, and what is refused.
#include "data/token_layout.hpp"

#include "base/error.hpp"
#include "support/catch.hpp"
#include "unit/data/token_bytes.hpp"

using namespace atl;
using namespace atl::data;
using test::bytes_of;
using test::llmc_header;

namespace {

TokenLayout parse(std::string const& file) {
  return parse_token_header("t.bin", test::as_bytes(file).first(std::min<std::size_t>(file.size(), 1024)),
                            file.size());
}

}  // namespace

TEST_CASE("llm.c's two headers are known by their magic numbers") {
  auto const narrow = parse(llmc_header(20240520, 1, 3) + std::string(6, 'x'));
  CHECK(narrow.kind == TokenKind::llmc);
  CHECK(narrow.ids == IdType::u16);
  CHECK(narrow.offset == 1024);
  CHECK(narrow.tokens == 3);
  auto const wide = parse(llmc_header(20240801, 7, 3) + std::string(12, 'x'));
  CHECK(wide.ids == IdType::u32);
  CHECK(wide.tokens == 3);
}

TEST_CASE("what has no magic number is nanoGPT's: 16 bits a token, to the end of the file") {
  auto const layout = parse(bytes_of(std::uint16_t{5}, std::uint16_t{50256}, std::uint16_t{700}));
  CHECK(layout.kind == TokenKind::nanogpt);
  CHECK(layout.ids == IdType::u16);
  CHECK(layout.offset == 0);
  CHECK(layout.tokens == 3);

  std::string counting;
  for (std::uint16_t id = 0; id < 3000; ++id) counting += bytes_of(id);
  CHECK(parse(counting).tokens == 3000);

  std::string equal;  // without a control character
  for (int i = 0; i < 3000; ++i) equal += bytes_of(std::uint16_t{60000});
  CHECK(parse(equal).tokens == 3000);
}

TEST_CASE("what cannot be a token file is refused, each for its own reason") {
  struct Broken {
    char const* reason;
    std::string bytes;
  };
  std::string const tokens(8, '\1');
  auto const broken = GENERATE_COPY(
      Broken{"is empty", ""}, Broken{"no whole number of the uint16", "\1\2\3"},
      Broken{"no whole number of the uint16", std::string(2001, '\3')},
      Broken{"is cut off: llm.c's header has 1024 bytes, the file 12",
             llmc_header(20240520, 1, 2).substr(0, 12)},
      Broken{"is cut off: llm.c's header has 1024 bytes, the file 4",
             llmc_header(20240520, 1, 2).substr(0, 4)},
      Broken{"version 2 of the format; only version 1", llmc_header(20240520, 2, 4) + tokens},
      Broken{"version 1 of the format; only version 7", llmc_header(20240801, 1, 2) + tokens},
      Broken{"holds no tokens", llmc_header(20240520, 1, 0)},
      Broken{"says that it holds -2 tokens", llmc_header(20240520, 1, -2) + tokens},
      Broken{"is cut off: 5 tokens need 1034 bytes, it has 1032", llmc_header(20240520, 1, 5) + tokens},
      Broken{"is cut off: 2147483647 tokens need 4294968318", llmc_header(20240520, 1, 2147483647) + tokens},
      Broken{"is longer than it says: 1 tokens need 1028", llmc_header(20240801, 7, 1) + tokens},
      Broken{"its magic number is 7 instead of 20240520", llmc_header(7, 1, 4) + tokens},
      Broken{"is text, not tokens", "A tab\tand lines\r\n, with caf\xC3\xA9: " + std::string(100, '.')});
  INFO(broken.reason);
  REQUIRE_THROWS_AS(parse(broken.bytes), base::InputError);
  REQUIRE_THROWS_WITH(parse(broken.bytes), ContainsSubstring("t.bin") && ContainsSubstring(broken.reason));
}
