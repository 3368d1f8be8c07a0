// Every invariant finds what it is there for. What the simulation would tell it is made up here.
#include "sim/invariants.hpp"

#include "small_world.hpp"
#include "support/catch.hpp"

using namespace atl;
using namespace atl::sim;
using namespace atl::protocol;
using atl::test::small_scenario;

namespace {

constexpr base::Digest one{1, 1}, other{2, 2};

Member member(int site, std::uint64_t round = 1, std::uint64_t incarnation = 1) {
  return {.site = site, .contribution = {.round = round, .incarnation = incarnation}};
}

// A commit, told to an invariant, and then published.
struct Told {
  Commit commit;
  std::vector<StepSpan> holds;
  std::string to(Invariant& invariant) {
    auto const found = invariant.see(Committed{0, &commit, holds}, 1.0);
    return found.empty() ? invariant.see(Published{0, commit.fragment, commit.version, one}, 1.0) : found;
  }
};

Told commit_of(std::uint64_t version, std::vector<Member> members, std::vector<StepSpan> holds) {
  return {{.fragment = 0, .round = 1, .version = {0, version}, .members = std::move(members)},
          std::move(holds)};
}

auto commits_with_everyone_admitted(Scenario const& scenario) {
  auto invariant = commits_are_sound(scenario);
  for (int site = 0; site < scenario.layout.sites; ++site) invariant->see(Admitted{0, site, 1}, 0.0);
  return invariant;
}

}  // namespace

TEST_CASE("a commit below its quorum is found, and a carried member does not count") {
  auto scenario = small_scenario(3);
  scenario.outer.quorum = 2;
  CHECK(
      commit_of(1, {member(0), member(2)}, {{0, 4}, {0, 5}}).to(*commits_with_everyone_admitted(scenario)) ==
      "");
  auto const alone = commit_of(1, {member(0)}, {{0, 4}}).to(*commits_with_everyone_admitted(scenario));
  CHECK_THAT(alone, ContainsSubstring("quorum"));
  auto const late = commit_of(1, {member(0, 0), member(2)}, {{0, 4}, {0, 5}});
  CHECK_THAT(Told(late).to(*commits_with_everyone_admitted(scenario)), ContainsSubstring("quorum"));
}

TEST_CASE("a step that is merged twice is found, in any order") {
  auto const invariant = commits_with_everyone_admitted(small_scenario());
  CHECK(commit_of(1, {member(0)}, {{0, 4}}).to(*invariant) == "");
  CHECK(commit_of(2, {member(0)}, {{8, 12}}).to(*invariant) == "");
  CHECK(commit_of(3, {member(0)}, {{4, 8}}).to(*invariant) == "");
  CHECK_THAT(commit_of(4, {member(0)}, {{11, 14}}).to(*invariant), ContainsSubstring("second time"));
}

TEST_CASE("members out of order, of no life that is admitted, or from the future are found") {
  auto const refused = [](std::vector<Member> const& members) {
    auto const invariant = commits_with_everyone_admitted(small_scenario());
    return commit_of(1, members, std::vector<StepSpan>(members.size(), {0, 3})).to(*invariant);
  };
  CHECK_THAT(refused({member(1), member(0)}), ContainsSubstring("order"));
  CHECK_THAT(refused({member(0), member(0)}), ContainsSubstring("order"));
  CHECK_THAT(refused({member(0, 1, 2)}), ContainsSubstring("not admitted"));
  auto early = member(0);
  early.contribution.base = {0, 1};
  CHECK_THAT(refused({early}), ContainsSubstring("past"));
}

TEST_CASE("versions that are skipped or made twice are found") {
  auto const invariant = commits_with_everyone_admitted(small_scenario());
  CHECK_THAT(commit_of(2, {member(0)}, {{0, 4}}).to(*invariant), ContainsSubstring("follows"));
  auto const unique = versions_are_unique();
  CHECK(unique->see(Published{0, 2, {0, 1}, one}, 0.0) == "");
  CHECK(unique->see(Adopted{1, 2, {0, 1}, one}, 0.0) == "");
  CHECK(unique->see(Adopted{1, 2, {0, 1}, other}, 0.0) != "");
  CHECK(unique->see(Adopted{1, 2, {0, 2}, one}, 0.0) != "");
  CHECK(unique->see(Published{1, 2, {0, 1}, other}, 0.0) != "");
  CHECK(unique->see(Published{0, 2, {0, 2}, one, /*is_finite=*/false}, 0.0) != "");
}

TEST_CASE("what has an effect though it is over is found") {
  auto const ghosts = ghosts_have_no_effect();
  CHECK(ghosts->see(GhostHandled{2, ""}, 0.0) == "");
  CHECK(ghosts->see(GhostHandled{2, "the clock moved"}, 0.0) == "the clock moved");
}

TEST_CASE("work that a machine books otherwise than it happened is found") {
  auto const scenario = small_scenario(1);
  FaultBoard const faults(2);
  auto const ledger = ledger_balances(scenario, faults);
  ledger->see(SiteStarted{0, 1}, 0.0);
  SiteMachine machine({.fragments = 3, .receive = deck::Receive::rebase});
  std::vector<SiteEvent> releases;
  for (std::uint32_t p = 0; p < 3; ++p) releases.emplace_back(HeldRelease{{.fragment = p}, p + 1});
  machine.on_boundary({}, releases);
  CHECK(ledger->see(Crossed{.site = 0, .machine = &machine}, 0.0) == "");
  machine.on_boundary(StepDone{.tokens = 10}, {});
  CHECK(ledger->see(Crossed{.site = 0, .has_stepped = true, .tokens = 10, .machine = &machine}, 1.0) == "");
  machine.on_boundary(StepDone{.tokens = 10}, {});
  CHECK(ledger->see(Crossed{.site = 0, .has_stepped = true, .tokens = 9, .machine = &machine}, 2.0) != "");

  Contribution const claim{.work = {.steps = 2, .tokens = tokens_of(0, 0) + tokens_of(0, 1)}};
  CHECK(ledger->see(Contributed{0, &claim, {0, 2}}, 2.0) == "");
  CHECK(ledger->see(Contributed{0, &claim, {0, 1}}, 2.0) != "");
  // The site has contributed nothing that could be merged.
  CHECK_THAT(commit_of(1, {member(0)}, {{0, 2}}).to(*ledger), ContainsSubstring("the shards have merged"));
}

TEST_CASE("a fragment without commits is found when all has been well for a window, not before") {
  auto const scenario = small_scenario(2);
  FaultBoard faults(3);
  auto const goes_on = commits_go_on(scenario, faults);
  double const window_s = scenario.progress_window_s();
  CHECK(goes_on->see(EventOver{}, 0.9 * window_s) == "");
  Fault const stall{.kind = FaultKind::stall, .node = 2};  // the shard
  faults.begin(stall, window_s);
  CHECK(goes_on->see(EventOver{}, 1.5 * window_s) == "");
  faults.end(stall, 2.0 * window_s);
  CHECK(goes_on->see(EventOver{}, 2.9 * window_s) == "");
  CHECK(goes_on->see(EventOver{}, 3.1 * window_s) != "");
}

TEST_CASE("a site that stands still without need is found") {
  auto const scenario = small_scenario(1);
  auto const waits = nobody_waits(scenario);
  waits->see(SiteStarted{0, 1}, 0.0);
  auto const stands = [&](std::vector<SiteEvent> const& events) {
    return waits->see(Crossed{.site = 0, .events = events, .trains = false}, 1.0);
  };
  CHECK(stands({}) == "");  // it has nothing yet
  for (std::uint32_t p = 0; p < 3; ++p) waits->see(Adopted{0, p, {}, one}, 1.0);
  CHECK(stands({}) != "");
  CHECK(stands({Hold{.id = 1}}) == "");
  CHECK(stands({Go{.id = 1}}) != "");
}

TEST_CASE("at rest a healthy site with an old version is found") {
  auto const scenario = small_scenario(1);
  FaultBoard faults(2);
  auto const rest = rest_is_equal(scenario, faults);
  for (std::uint32_t p = 0; p < 3; ++p) {
    rest->see(Published{0, p, {0, 4}, one}, 1.0);
    rest->see(Adopted{0, p, {0, 4}, one}, 2.0);
  }
  rest->see(RestAsked{Purpose::finish}, 50.0);
  CHECK(rest->see(RestReached{}, 60.0) == "");
  rest->see(Published{0, 1, {0, 5}, other}, 61.0);
  CHECK(rest->see(RunOver{}, 62.0) != "");
  faults.begin({.kind = FaultKind::stall, .node = 0}, 40.0);
  CHECK(rest->see(RunOver{}, 63.0) == "");
}
