// Tapes of random worlds: the books come out of them alone, and what they say happens again in any order.
#include "protocol/auditor.hpp"
#include "random_worlds.hpp"
#include "replayed_world.hpp"
#include "support/catch.hpp"

using namespace atl;
using namespace atl::protocol;
using namespace atl::test;

namespace {

WorldOptions taped_options(std::uint64_t seed) {
  auto const receive = seed % 2 == 0 ? deck::Receive::overwrite : deck::Receive::rebase;
  auto options = seed % 3 == 0   ? carrying_options(seed)
                 : seed % 3 == 1 ? synchronous_options(seed)
                                 : random_options(seed, receive);
  options.tapes = true;
  return options;
}

void require_sound(World const& world, WorldOptions const& options) {
  Auditor auditor(options.outer.late_discount);
  for (auto const& life : lives_told(world.tapes(), options)) {
    auto const audit = auditor.audit(life.sites, life.shards);
    REQUIRE(audit.findings == std::vector<std::string>{});
    REQUIRE(audit.imbalance() == 0);
  }
}

}  // namespace

TEST_CASE("the books of random worlds come out of their tapes alone, across restarts too") {
  std::size_t rows = 0, lives = 0;
  for (std::uint64_t seed = 1; seed <= 150; ++seed) {
    INFO("seed " << seed);
    auto options = taped_options(seed);
    if (seed % 4 == 0) options.checkpoint_every = 7;
    World world(options);
    if (seed % 2 == 0) {
      world.run(30.0);
      if (!world.is_over() && !world.seals().empty()) world.restart();
    }
    world.run();
    REQUIRE(world.failure() == "");
    require_sound(world, options);
    auto const told = lives_told(world.tapes(), options);
    lives += told.size();
    for (int m = 0; m < options.sites; ++m) {
      for (int p = 0; p < options.outer.fragments; ++p, ++rows) {
        auto const& own = told.back().sites[static_cast<std::size_t>(m)].machine.ledger(p);
        CHECK(own.merged == world.work_in_theta(m, p));
      }
    }
  }
  CHECK(rows > 500);
  CHECK(lives > 170);
}

TEST_CASE("a replayed world commits the same, in whatever order its processes take their turns") {
  std::size_t commits = 0;
  for (std::uint64_t seed = 1; seed <= 100; ++seed) {
    INFO("seed " << seed);
    auto const options = taped_options(seed);
    World world(options);
    world.run();
    REQUIRE(world.failure() == "");
    auto const told = lives_told(world.tapes(), options);
    for (std::uint64_t order : {1U, 2U}) {
      ReplayedWorld replayed(told.front(), options, world.capacity(), order);
      REQUIRE(replayed.run() == "");
      for (std::size_t s = 0; s < told.front().shards.size(); ++s) {
        auto const taped = told.front().shards[s].only<TapedCommit>().size();
        CHECK(replayed.reach().changes[s] == taped);
        commits += taped;
      }
    }
  }
  CHECK(commits > 2000);
}

TEST_CASE("tapes that end at different moments are replayed as far as all of them go") {
  base::Philox const random{5};
  std::size_t shortened = 0;
  for (std::uint64_t seed = 2; seed <= 90; seed += 3) {
    INFO("seed " << seed);
    auto const options = taped_options(seed);
    World world(options);
    world.run();
    auto tapes = world.tapes();
    // A shard's tape holds its versions before anything else can happen.
    for (auto& [who, entries] : tapes) {
      auto const begun = std::ranges::count_if(
          entries, [](auto const& entry) { return std::holds_alternative<TapedVersion>(entry); });
      auto const after = entries.size() - 1 - static_cast<std::size_t>(begun);
      entries.resize(entries.size() - random.below(1 + after / 2, seed, who.index));
    }
    auto const told = lives_told(tapes, options);
    ReplayedWorld replayed(told.front(), options, world.capacity(), seed);
    CHECK(replayed.run() == "");
    for (std::size_t s = 0; s < told.front().shards.size(); ++s)
      shortened += replayed.reach().changes[s] < told.front().shards[s].only<TapedCommit>().size();
  }
  CHECK(shortened > 10);
}
