// A shard that is saved and goes on.
#include "support/catch.hpp"
#include "support/memory_archive.hpp"
#include "told_shard.hpp"

using namespace atl;
using namespace atl::protocol;
using namespace atl::test;

TEST_CASE("a shard goes on from where it was saved") {
  auto options = shard_options(1, 1);
  auto shard = open_round(options);
  shard.gives(0, 1, 10);
  shard.says(0, {.step = 13, .unsent = 3, .base = 1, .round = 1});
  auto const values = saved(shard);

  SyncerMachine resumed(options);
  resumed.load(MemoryReader(values), 0.0);
  CHECK(resumed.clock() == 13);
  CHECK(resumed.version(0) == Version{0, 1});
  auto const greeting = only<SendRelease>(resumed.on_admitted(0, 2, 0.0));
  CHECK(greeting.at(0).release == Release{.fragment = 0, .round = 1, .version = {0, 1}, .fate = {}});

  auto const says = [&](std::uint64_t step) {
    return resumed.on_progress(0,
                               {.incarnation = 2,
                                .step = step,
                                .fragments = {{.fragment = 0, .base = {0, 1}, .unsent = {step - 10, 100}}}},
                               1.0);
  };
  CHECK(pulled(says(19)).empty());
  CHECK(sent<Pull>(says(20), 0).at(0).round == 2);
}

TEST_CASE("a damaged state of a shard is refused") {
  ToldShard const shard(shard_options(1, 1));
  auto values = saved(shard);
  SyncerMachine resumed(shard_options(1, 1));
  values["fragment_0/version"] = std::vector<std::uint64_t>{1, 2, 3};
  CHECK_THROWS_AS(resumed.load(MemoryReader(values), 0.0), base::InputError);
  values.erase("fragment_0/version");
  CHECK_THROWS_AS(resumed.load(MemoryReader(values), 0.0), base::InputError);
}
