// What a state in memory keeps of the values that it was told.
#include "checkpoint/recorded_state.hpp"

#include "base/memory_archive.hpp"
#include "support/catch.hpp"

using namespace atl;
using checkpoint::RecordedState;
using checkpoint::Standing;

namespace {

base::Values written(RecordedState const& state) {
  base::Values values;
  base::MemoryWriter writer(values);
  state.write_to(writer);
  return values;
}

}  // namespace

TEST_CASE("a recorded state has what was written to it, in its groups") {
  RecordedState state(GENERATE(Standing::copied, Standing::referred_to));
  CHECK(state.is_empty());
  std::vector<float> const numbers{1.0F, 2.0F};
  std::vector<std::uint64_t> const counts{3, 4};
  auto const writer = state.writer();
  writer->write("steps", std::uint64_t{5});
  writer->write("text", std::string_view("six"));
  auto const group = writer->group("inner");
  group->write("numbers", numbers);
  group->write_standing("standing", numbers);
  group->write("counts", counts);
  CHECK_FALSE(state.is_empty());
  base::Values const expected{{"steps", std::uint64_t{5}},
                              {"text", std::string("six")},
                              {"inner/numbers", numbers},
                              {"inner/standing", numbers},
                              {"inner/counts", counts}};
  CHECK(written(state) == expected);
}

TEST_CASE("a state that is copied stays as it was; one that is referred to costs no copy of what stands") {
  Standing const standing = GENERATE(Standing::copied, Standing::referred_to);
  RecordedState state(standing);
  std::vector<float> values{1.0F}, passing{1.0F};
  auto const group = state.writer()->group("inner");
  group->write_standing("values", values);
  group->write("passing", passing);
  values[0] = passing[0] = 2.0F;
  auto const now = written(state);
  CHECK(now.at("inner/passing") == base::Values::mapped_type(std::vector{1.0F}));
  CHECK(now.at("inner/values") ==
        base::Values::mapped_type(std::vector{standing == Standing::copied ? 1.0F : 2.0F}));
}
