// Hundreds of random worlds: whatever is slow, late, silent, damaged or doubled, the books are right after
// every event, no step is merged twice, and every run comes to its end.
#include <algorithm>
#include <map>

#include "random_worlds.hpp"
#include "support/catch.hpp"

using namespace atl;
using namespace atl::protocol;
using namespace atl::test;

namespace {

void add(Sightings& sum, Sightings const& seen) {
  sum.events += seen.events;
  sum.overwrites += seen.overwrites;
  sum.blends += seen.blends;
  sum.carried_members += seen.carried_members;
  sum.waits += seen.waits;
  sum.kept_contributions += seen.kept_contributions;
  sum.restored_members += seen.restored_members;
  sum.rebases_on_snapshot += seen.rebases_on_snapshot;
  sum.rebases_on_base += seen.rebases_on_base;
  sum.adoptions_with_open_fate += seen.adoptions_with_open_fate;
  sum.differences += seen.differences;
  sum.useless_differences += seen.useless_differences;
  sum.most_on_their_way = std::max(sum.most_on_their_way, seen.most_on_their_way);
  for (auto const& [reason, count] : seen.rejections) sum.rejections[reason] += count;
}

void require_good_end(World const& world) {
  REQUIRE(world.failure() == "");
  REQUIRE(world.is_over());
  REQUIRE(world.check_end() == "");
  auto const& last = world.seals().back();
  REQUIRE(last.purpose == Purpose::finish);
  REQUIRE(last.missing.empty());
}

// Runs the worlds of seeds 1 to `count` to their end.
template <class MakeOptions>
Sightings run_worlds(std::uint64_t count, MakeOptions make_options) {
  Sightings sum;
  for (std::uint64_t seed = 1; seed <= count; ++seed) {
    INFO("seed " << seed);
    World world(make_options(seed));
    world.run();
    require_good_end(world);
    add(sum, world.sightings());
  }
  return sum;
}

// Stopped twice at any time, each time resumed from the last checkpoint.
template <class MakeOptions>
Sightings run_worlds_with_restarts(std::uint64_t count, MakeOptions make_options) {
  Sightings sum;
  int restarts = 0;
  for (std::uint64_t seed = 1; seed <= count; ++seed) {
    INFO("seed " << seed);
    auto options = make_options(seed);
    options.checkpoint_every = 1 + 9 * (seed % 2);
    World world(options);
    for (int crash = 1; crash <= 2; ++crash) {
      world.run(Draws(seed).real(10.0, 30.0) * crash);
      REQUIRE(world.failure() == "");
      if (world.is_over() || world.seals().empty()) continue;
      world.restart();
      ++restarts;
    }
    world.run();
    require_good_end(world);
    add(sum, world.sightings());
  }
  CHECK(restarts > 50);
  return sum;
}

}  // namespace

TEST_CASE("random worlds, overwrite: the books are right after every event") {
  auto const seen = run_worlds(300, [](auto seed) { return random_options(seed, deck::Receive::overwrite); });
  CHECK(seen.events > 100000);
  CHECK(seen.overwrites > 4000);
  CHECK(seen.adoptions_with_open_fate > 10);
  CHECK(seen.most_on_their_way >= 3);
  CHECK(seen.rejections.at(Reason::unknown_round) > 100);
  CHECK(seen.rejections.at(Reason::duplicate) > 100);
  CHECK(seen.rejections.at(Reason::not_finite) > 50);
  CHECK(seen.rejections.size() == 3);  // the machines themselves break no rule of the gate
}

TEST_CASE(
    "random worlds, releases coded as differences: every site is where its shard is, whatever got lost") {
  auto const make = [](std::uint64_t seed) {
    auto options = seed % 3 == 0 ? synchronous_options(seed) : random_options(seed, deck::Receive::rebase);
    options.outer.release_codec = deck::Codec::int4;
    options.replaces_releases = true;
    options.damaged_share = 0.1;
    return options;
  };
  auto const seen = run_worlds(200, make);
  CHECK(seen.differences > 4000);
  CHECK(seen.useless_differences > 100);
  CHECK(run_worlds_with_restarts(60, make).differences > 500);
}

TEST_CASE("random worlds, with poison: it is refused, and the books are right after every event") {
  auto const seen = run_worlds(200, [](std::uint64_t seed) {
    auto options = seed % 2 == 0 ? carrying_options(seed) : random_options(seed, deck::Receive::rebase);
    options.poisoned_share = 0.1;
    return options;
  });
  CHECK(seen.rejections.at(Reason::unusual_norm) > 50);
}

TEST_CASE("random worlds, rebase: the books are right after every event, and nothing is thrown away") {
  auto const seen = run_worlds(300, [](auto seed) { return random_options(seed, deck::Receive::rebase); });
  CHECK(seen.rebases_on_snapshot > 2000);
  CHECK(seen.rebases_on_base > 300);
  CHECK(seen.adoptions_with_open_fate > 10);
  CHECK(seen.rejections.size() == 3);
}

TEST_CASE(
    "random worlds without faults: every fragment keeps committing, whatever quorum, link and in_flight") {
  for (std::uint64_t seed = 1; seed <= 200; ++seed) {
    INFO("seed " << seed);
    auto options = random_options(seed, seed % 2 == 0 ? deck::Receive::overwrite : deck::Receive::rebase);
    options.stalls.clear();
    options.corrupted_share = 0.0;
    options.checkpoint_every = 0;
    World world(options);
    world.run();
    require_good_end(world);

    // One interval of the slowest site, and the journey of every fragment one after another there and back.
    double const step_s = *std::ranges::max_element(options.step_s) * (1.0 + 0.1 * options.jitter);
    double const journey_s =
        (options.bulk_delay_s + 2 * options.control_delay_s) * (1.0 + options.jitter) + 2 * step_s;
    double const interval_s = static_cast<double>(options.outer.interval_steps) * step_s;
    // And one payload may be taken for lost that is only late.
    double const patience_s =
        1.5 * interval_s + 2 * options.outer.fragments * journey_s + options.outer.dead_after_s;
    std::map<std::uint32_t, double> last_s;
    for (auto const& [time_s, commit] : world.commits()) {
      CHECK(time_s - last_s[commit.fragment] < patience_s);
      last_s[commit.fragment] = time_s;
    }
  }
}

TEST_CASE("random worlds, stopped at any time and resumed from the last checkpoint") {
  run_worlds_with_restarts(200, [](auto seed) {
    return random_options(seed, seed % 2 == 0 ? deck::Receive::overwrite : deck::Receive::rebase);
  });
}

TEST_CASE("random worlds that carry: what is late is merged once, and its site knows what became of it") {
  auto const seen = run_worlds(300, carrying_options);
  CHECK(seen.carried_members > 100);
  CHECK(seen.rejections.at(Reason::unknown_round) > 10);
}

TEST_CASE("random worlds that carry, stopped at any time: carried contributions outlive their sites") {
  auto const seen = run_worlds_with_restarts(200, carrying_options);
  CHECK(seen.restored_members > 10);
}

TEST_CASE("random worlds in which each site takes its own steps: all take them, and all end") {
  std::uint64_t behind = 0;
  for (std::uint64_t seed = 1; seed <= 200; ++seed) {
    INFO("seed " << seed);
    auto options = random_options(seed, seed % 2 == 0 ? deck::Receive::overwrite : deck::Receive::rebase);
    options.stops_each = true;
    World world(options);
    world.run();
    require_good_end(world);
    // Who is silent when the others have ended is not waited for.
    for (int m = 0; m < options.sites; ++m) behind += options.steps - world.site(m).step();
    if (options.stalls.empty()) CHECK(world.site(0).step() == options.steps);
  }
  CHECK(behind < 1000);
}

TEST_CASE("random synchronous worlds: every site adopts a version at the same step of its own") {
  auto const seen = run_worlds(300, synchronous_options);
  CHECK(seen.blends > 1000);
  CHECK(seen.waits > 1000);
  CHECK(seen.rejections.at(Reason::duplicate) > 100);
  CHECK(seen.rejections.size() <= 2);  // and what a silent site sends once the run has ended without it
}

TEST_CASE(
    "random synchronous worlds, stopped in the middle of rounds: what follows is what would have been") {
  auto const seen = run_worlds_with_restarts(200, synchronous_options);
  CHECK(seen.kept_contributions > 100);
  CHECK(seen.restored_members > 50);
}

TEST_CASE("random worlds, impatient: whoever is missing, the run ends and the books are right") {
  std::size_t given_up = 0;
  std::size_t incomplete = 0;
  for (std::uint64_t seed = 1; seed <= 200; ++seed) {
    INFO("seed " << seed);
    auto options = random_options(seed, deck::Receive::rebase);
    options.patience_s = 2.0;
    World world(options);
    world.run();
    REQUIRE(world.failure() == "");
    REQUIRE(world.is_over());
    given_up += world.given_up().size();
    if (!world.seals().empty() && !world.seals().back().missing.empty()) ++incomplete;
  }
  CHECK(given_up > 10);
  CHECK(incomplete > 10);
}
