// Indices of Megatron pairs, from memory: what they say, and that nothing they say is believed.
#include "data/megatron_index.hpp"

#include <functional>

#include "base/error.hpp"
#include "support/catch.hpp"
#include "unit/data/token_bytes.hpp"

using namespace atl;
using namespace atl::data;
using test::MegatronIndex;

namespace {

TokenLayout parse(std::string const& index, std::uint64_t bin_bytes) {
  return parse_megatron_index("t.idx", test::as_bytes(index), bin_bytes);
}

}  // namespace

TEST_CASE("an index tells the width, the tokens and the documents of its file") {
  auto const layout = parse(MegatronIndex({3, 0, 4}, 2).bytes(), 14);
  CHECK(layout.kind == TokenKind::megatron);
  CHECK(layout.ids == IdType::u16);
  CHECK(layout.offset == 0);
  CHECK(layout.tokens == 7);
  CHECK(layout.documents == 3);
}

TEST_CASE("every integer type that Megatron writes is known by its number") {
  struct Known {
    std::uint8_t code;
    IdType type;
    std::int64_t width;
  };
  auto const known = GENERATE(Known{1, IdType::u8, 1}, Known{2, IdType::i8, 1}, Known{3, IdType::i16, 2},
                              Known{4, IdType::i32, 4}, Known{5, IdType::i64, 8}, Known{8, IdType::u16, 2});
  MegatronIndex index({5}, known.width);
  index.type = known.code;
  auto const layout = parse(index.bytes(), static_cast<std::uint64_t>(5 * known.width));
  CHECK(layout.ids == known.type);
  CHECK(layout.tokens == 5);
}

TEST_CASE("a document may have several sequences, and sequences a mode each") {
  MegatronIndex index({3, 2, 4}, 2);
  index.documents = {0, 2, 3};
  index.entries = 3;
  CHECK(parse(index.bytes(), 18).documents == 2);
  CHECK(parse(index.bytes() + std::string(3, '\0'), 18).documents == 2);
}

TEST_CASE("a broken index is refused, each for its own reason") {
  struct Broken {
    char const* reason;
    std::function<void(MegatronIndex&)> damage;
  };
  auto const broken = GENERATE(
      Broken{"does not begin with MMIDIDX", [](auto& i) { i.magic[3] = 'X'; }},
      Broken{"has version 2", [](auto& i) { i.version = 2; }},
      Broken{"unknown type 0", [](auto& i) { i.type = 0; }},
      Broken{"unknown type 9", [](auto& i) { i.type = 9; }},
      Broken{"floating-point", [](auto& i) { i.type = 7; }},
      Broken{"holds no sequences", [](auto& i) { i = MegatronIndex({}, 2); }},
      Broken{"18446744073709551615 sequences", [](auto& i) { i.sequences = ~std::uint64_t{0}; }},
      // 12 times this is 4 in 64 bits
      Broken{"do not fit", [](auto& i) { i.sequences = 0x5555555555555557u / 4; }},
      Broken{"do not fit", [](auto& i) { i.entries = 0x2000000000000001u; }},
      Broken{"do not fit", [](auto& i) { i.sequences = 4; }},
      Broken{"longer than it says, by 8 bytes", [](auto& i) { i.entries = 3; }},
      Broken{"sequence 1 has -2 tokens", [](auto& i) { i.lengths[1] = -2; }},
      Broken{"sequence 1 begins at byte 4", [](auto& i) { i.places[1] = 4; }},
      Broken{"sequence 0 begins at byte -6", [](auto& i) { i.places[0] = -6; }},
      Broken{"sequence 2 ends beyond it", [](auto& i) { i.lengths[2] = 2000000000; }},
      Broken{"speaks of 8 tokens of 2 bytes; the .bin file has 18 bytes", [](auto& i) { i.lengths[2] = 3; }},
      Broken{"speaks of more tokens",
             [](auto& i) {
               i = MegatronIndex({3, 2, 4}, 4), i.type = 4;
             }},
      Broken{"document 1 begins with sequence 4", [](auto& i) { i.documents[1] = 4; }},
      Broken{"document 2 begins with sequence 0, after 1", [](auto& i) { i.documents[2] = 0; }},
      Broken{"document 0 begins with sequence -1", [](auto& i) { i.documents[0] = -1; }});
  MegatronIndex index({3, 2, 4}, 2);
  broken.damage(index);
  INFO(broken.reason);
  REQUIRE_THROWS_AS(parse(index.bytes(), 18), base::InputError);
  REQUIRE_THROWS_WITH(parse(index.bytes(), 18),
                      ContainsSubstring("t.idx") && ContainsSubstring(broken.reason));
}

TEST_CASE("an index that is cut off anywhere is refused") {
  auto const whole = MegatronIndex({3, 2, 4}, 2).bytes();
  for (std::size_t bytes = 0; bytes < whole.size(); ++bytes) {
    INFO(bytes);
    REQUIRE_THROWS_AS(parse(whole.substr(0, bytes), 18), base::InputError);
  }
}

TEST_CASE("an index of sequences without tokens is refused") {
  REQUIRE_THROWS_WITH(parse(MegatronIndex({0, 0}, 2).bytes(), 0), ContainsSubstring("holds no tokens"));
}
