// The invariants about contributions, owners and clocks find what they are there for. What the simulation
// would tell them is made up here.
#include "sim/invariants.hpp"
#include "small_world.hpp"
#include "support/catch.hpp"

using namespace atl;
using namespace atl::sim;
using namespace atl::protocol;
using atl::test::small_scenario;

namespace {

constexpr base::Digest one{1, 1}, other{2, 2}, third{3, 3};
constexpr StepSpan three_steps{0, 3};  // of site 0: 10, 12 and 14 tokens
constexpr double their_weight = 36.0 * 36.0 / 3.0;

std::string contribute(Invariant& invariant, Contribution const& contribution, LeftOver const& left = {}) {
  return invariant.see(Contributed{0, &contribution, three_steps, left}, 1.0);
}

// Site 0 alone, published at once.
std::string commit(Invariant& invariant, std::uint64_t round, double weight = their_weight,
                   std::uint64_t contributed_to = 0) {
  Commit const made{.fragment = 0,
                    .round = round,
                    .version = {0, round},
                    .members = {{.site = 0,
                                 .weight = weight,
                                 .contribution = {.round = contributed_to > 0 ? contributed_to : round,
                                                  .incarnation = 1}}}};
  auto const found = invariant.see(Committed{0, &made, std::span(&three_steps, 1)}, 1.0);
  return found.empty() ? invariant.see(Published{0, 0, made.version, one}, 1.0) : found;
}

}  // namespace

TEST_CASE("a contribution that misnames its base is found") {
  auto const invariant = contributions_are_sound(small_scenario());
  invariant->see(Adopted{0, 0, {0, 3}, one}, 1.0);
  CHECK(contribute(*invariant, {.base = {1, 3}, .work = {3, 36}}) == "");
  CHECK_THAT(contribute(*invariant, {.base = {0, 2}, .work = {3, 36}}), ContainsSubstring("base 3"));
}

TEST_CASE("a weight is that of the steps which a payload holds, and falls with every round that it is late") {
  auto const invariant = contributions_are_sound(small_scenario());
  double const late = small_scenario().outer.late_discount * their_weight;
  CHECK(commit(*invariant, 1) == "");
  CHECK(commit(*invariant, 3, late, 2) == "");
  CHECK_THAT(commit(*invariant, 4, 9.0 / 3.0), ContainsSubstring("weight"));
  CHECK_THAT(commit(*invariant, 6, their_weight, 5), ContainsSubstring("weight"));
}

TEST_CASE("a contribution that is in two commits is found") {
  auto const invariant = contributions_are_sound(small_scenario());
  CHECK(commit(*invariant, 2) == "");
  CHECK_THAT(commit(*invariant, 3, their_weight, 2), ContainsSubstring("again"));
}

TEST_CASE("who is asked for work that a version holds already is found, unless a former owner asks") {
  auto const invariant = contributions_are_sound(small_scenario());
  invariant->see(Published{0, 0, {0, 0}, one}, 1.0);
  invariant->see(Adopted{0, 0, {0, 0}, one}, 1.0);
  contribute(*invariant, {.round = 1, .incarnation = 1});
  CHECK(invariant->see(Asked{0, 0, 0}, 1.0) == "");
  commit(*invariant, 1);
  CHECK_THAT(invariant->see(Asked{0, 0, 0}, 1.0), ContainsSubstring("holds its work"));
  CHECK(invariant->see(Asked{1, 0, 0}, 1.0) == "");
  invariant->see(Adopted{0, 0, {0, 1}, one}, 1.0);
  CHECK(invariant->see(Asked{0, 0, 0}, 1.0) == "");
}

TEST_CASE("what coding leaves over counts exactly when the contribution was merged") {
  auto scenario = small_scenario();
  scenario.outer.late = deck::Late::drop;
  auto const next_starts_with = [&](bool is_merged, base::Digest before) {
    auto const invariant = left_over_is_kept(scenario);
    contribute(*invariant, {.round = 1, .incarnation = 1}, {one, other});
    if (is_merged) commit(*invariant, 1);
    return contribute(*invariant, {.round = 2, .incarnation = 1}, {before, third});
  };
  CHECK(next_starts_with(true, other) == "");
  CHECK(next_starts_with(false, one) == "");
  CHECK_THAT(next_starts_with(true, one), ContainsSubstring("does not count"));
  CHECK_THAT(next_starts_with(false, other), ContainsSubstring("not merged"));
  CHECK_THAT(next_starts_with(true, third), ContainsSubstring("does not count"));
}

TEST_CASE("a clock that falls is found, each shard by itself") {
  auto const invariant = clock_never_falls();
  CHECK(invariant->see(ClockRead{0, 7}, 1.0) == "");
  CHECK(invariant->see(ClockRead{1, 3}, 1.0) == "");
  CHECK(invariant->see(ClockRead{0, 7}, 1.0) == "");
  CHECK_THAT(invariant->see(ClockRead{0, 6}, 1.0), ContainsSubstring("from 7 to 6"));
}

TEST_CASE("an owner that missed what a site has seen is found") {
  auto const invariant = versions_are_unique();
  CHECK(invariant->see(Published{0, 0, {0, 1}, one}, 1.0) == "");
  CHECK(invariant->see(Published{1, 0, {1, 1}, one, true, Version{0, 1}}, 1.0) == "");
  CHECK(invariant->see(Published{1, 0, {1, 2}, other}, 1.0) == "");
  CHECK_THAT(invariant->see(Published{0, 0, {2, 1}, one, true, Version{1, 1}}, 1.0),
             ContainsSubstring("forgets 2"));
}
