// The validation batches: always the same consecutive windows.
#include "data/validation_set.hpp"

#include "base/error.hpp"
#include "support/catch.hpp"
#include "support/scratch_folder.hpp"
#include "unit/data/sample_text.hpp"

using namespace atl;
using namespace atl::data;

namespace {

ValidationSet set_of(std::uint64_t tokens, int batches) {
  test::ScratchFolder const folder;
  test::write_counting_tokens(folder.path() / "v.bin", tokens);
  return ValidationSet(
      {.sources = {whole_file(folder.path() / "v.bin")}, .sequences = 3, .context = 10, .batches = batches});
}

}  // namespace

TEST_CASE("batches are consecutive windows, and targets are the tokens that follow") {
  auto const set = set_of(1000, 4);
  REQUIRE(set.count() == 4);
  std::int32_t place = 0;
  for (int b = 0; b < set.count(); ++b) {
    auto const batch = set.get(b);
    REQUIRE(batch.sequences == 3);
    REQUIRE(batch.context == 10);
    REQUIRE(batch.tokens.size() == 30);
    for (std::size_t i = 0; i < 30; ++i, ++place) {
      REQUIRE(batch.tokens[i] == place);
      REQUIRE(batch.targets[i] == place + 1);
    }
  }
}

TEST_CASE("a small file gives as many whole batches as it has") {
  CHECK(set_of(31, 16).count() == 1);
  CHECK(set_of(60, 16).count() == 1);
  CHECK(set_of(61, 16).count() == 2);
}

TEST_CASE("a file too small for one batch is refused with a remedy") {
  REQUIRE_THROWS_AS(set_of(30, 1), base::InputError);
  REQUIRE_THROWS_WITH(set_of(30, 1), ContainsSubstring("v.bin") && ContainsSubstring("holds 30 tokens") &&
                                         ContainsSubstring("validation fraction"));
}

TEST_CASE(
    "several sources take turns in their shares, each in the order of its text, until one has no more") {
  test::ScratchFolder const folder;
  test::write_counting_tokens(folder.path() / "a.bin", 30'001);
  test::write_counting_tokens(folder.path() / "b.bin", 1000);
  auto a = whole_file(folder.path() / "a.bin"), b = whole_file(folder.path() / "b.bin");
  a.weight = 3.0;
  b.range.first = 500;  // tokens 500 .. 560: 6 windows of 10
  b.range.tokens = 61;
  ValidationSet const set({.sources = {a, b}, .sequences = 2, .context = 10, .batches = 1000});
  CHECK(set.count() == 13);  // 6 windows of b and at most 21 of a
  std::int32_t next_a = 0, next_b = 500;
  for (int batch = 0; batch < set.count(); ++batch) {
    for (std::size_t s = 0; s < 2; ++s) {
      auto const first = set.get(batch).tokens[10 * s];
      auto& next = first == next_b ? next_b : next_a;
      REQUIRE(first == next);
      CHECK(set.get(batch).targets[10 * s + 9] == first + 10);
      next += 10;
    }
  }
  CHECK(next_b >= 560 - 10);
  CHECK(next_a == 260 - (next_b - 500));
}
