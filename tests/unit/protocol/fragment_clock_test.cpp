#include "protocol/fragment_clock.hpp"

#include "support/catch.hpp"

using namespace atl::protocol;
using Steps = std::vector<std::uint64_t>;

TEST_CASE("the clock is the K-th largest step") {
  FragmentClock clock(2);
  clock.update(Steps{7, 30, 12}, true);
  CHECK(clock.now() == 12);
  clock.update(Steps{7, 31, 14}, false);
  CHECK(clock.now() == 14);
}

TEST_CASE("the clock must be told all steps once so many sites as it asks for have come further") {
  FragmentClock clock(2);
  clock.update(Steps{7, 30, 12}, true);
  CHECK_FALSE(clock.is_behind());
  clock.saw(7, 12);
  clock.saw(30, 31);
  CHECK_FALSE(clock.is_behind());
  clock.saw(12, 13);
  CHECK(clock.is_behind());
  clock.update(Steps{12, 31, 13}, false);
  CHECK(clock.now() == 13);
  CHECK_FALSE(clock.is_behind());
}

TEST_CASE("the clock never falls, whatever it is told") {
  FragmentClock clock(1);
  clock.update(Steps{20}, true);
  clock.update(Steps{15}, false);
  CHECK(clock.now() == 20);
}

TEST_CASE("the clock stands while fewer than K sites live") {
  FragmentClock clock(2);
  clock.update(Steps{10, 9}, true);
  clock.update(Steps{50}, true);
  CHECK(clock.now() == 9);
  clock.update(Steps{60}, false);
  CHECK(clock.now() == 9);
}

TEST_CASE(
    "the clock does not fall when the fastest site is lost, but goes on from there at the others' pace") {
  FragmentClock clock(1);
  clock.update(Steps{100, 40}, true);
  clock.update(Steps{40}, true);
  CHECK(clock.now() == 100);
  clock.update(Steps{43}, false);
  CHECK(clock.now() == 103);
}

TEST_CASE("the clock does not leap when the fastest site comes back") {
  FragmentClock clock(1);
  clock.update(Steps{100, 40}, true);
  clock.update(Steps{40}, true);
  clock.update(Steps{50}, false);
  REQUIRE(clock.now() == 110);

  SECTION("behind the clock") {
    clock.update(Steps{50, 101}, true);
    CHECK(clock.now() == 110);
    clock.update(Steps{51, 102}, false);
    CHECK(clock.now() == 111);
  }
  SECTION("ahead of the clock") {
    clock.update(Steps{50, 115}, true);
    CHECK(clock.now() == 115);
  }
}

TEST_CASE("the clock goes on from a checkpoint, wherever the sites are") {
  FragmentClock clock(1);
  clock.restore(200);
  CHECK(clock.now() == 200);
  clock.update(Steps{180}, true);
  CHECK(clock.now() == 200);
  clock.update(Steps{181}, false);
  CHECK(clock.now() == 201);
}

TEST_CASE("the fragments' phases are spread over the interval") {
  // P = 5, H = 24: floor(24 p / 5)
  Steps phases, firsts;
  for (std::uint32_t p = 0; p < 5; ++p) {
    phases.push_back(phase_of(p, 5, 24));
    firsts.push_back(first_due(p, 5, 24));
  }
  CHECK(phases == Steps{0, 4, 9, 14, 19});
  CHECK(firsts == Steps{24, 4, 9, 14, 19});
}

TEST_CASE("a fragment is due again at the first time of its phase that is half an interval away") {
  // Fragment 1 of 4, H = 24: phase 6, so it may be due at 6, 30, 54, ...
  CHECK(next_due(1, 4, 24, 6) == 30);
  CHECK(next_due(1, 4, 24, 18) == 30);  // 18 + 12 = 30
  CHECK(next_due(1, 4, 24, 19) == 54);
  CHECK(next_due(1, 4, 24, 30) == 54);
  CHECK(next_due(3, 4, 24, 0) == 18);  // before the first time of its phase
  CHECK(next_due(0, 1, 5, 10) == 15);  // odd H: 10 + 2.5
  CHECK(next_due(0, 1, 5, 12) == 15);
  CHECK(next_due(0, 1, 5, 13) == 20);
}

TEST_CASE(
    "however fast the link, rounds of a fragment stay half an interval apart, and one interval on average") {
  for (std::uint64_t const interval : {1, 2, 3, 7, 24}) {
    INFO("H = " << interval);
    std::uint64_t due = first_due(2, 3, interval);
    std::uint64_t const first = due;
    for (int round = 0; round < 10; ++round) {
      std::uint64_t const next = next_due(2, 3, interval, due);  // closed at the very moment it opened
      REQUIRE(2 * (next - due) >= interval);
      due = next;
    }
    CHECK(due - first == 10 * interval);
  }
}
