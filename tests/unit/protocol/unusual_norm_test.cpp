// The norm gate: what is a thousand times longer than usual is not merged, and what most sites send is.
#include <cmath>

#include "support/catch.hpp"
#include "support/memory_archive.hpp"
#include "told_shard.hpp"

using namespace atl;
using namespace atl::protocol;
using namespace atl::test;

namespace {

// A round waits for all sites, or a second after its quorum. The usual norm is 1 a step, give or take.
struct GatedShard : ToldShard {
  using ToldShard::ToldShard;

  Actions gives_norm(int site, double norm, std::uint64_t steps = 10) {
    auto contribution = ToldShard::contribution(round, steps, round - 1);
    return on_contribution(site, contribution, {.payload = ++payload, .norm = norm * std::sqrt(steps)},
                           now_s);
  }
  // All sites have adopted the newest version and trained for the next round, which opens.
  Actions opens_next() {
    ++round;
    Actions last;
    for (int site = 0; site < sites; ++site)
      last = says(site, {.step = 10 * round, .unsent = 10, .base = round - 1, .round = round - 1});
    return last;
  }
  void commits_usual(int rounds) {
    for (int i = 0; i < rounds; ++i) {
      opens_next();
      for (int site = 0; site < sites; ++site) gives_norm(site, i % 2 == 0 ? 0.9 : 1.1);
    }
  }

  int sites = 0;
  std::uint64_t round = 0;
  PayloadHandle payload = 0;
};

GatedShard gated(int sites, int quorum, double gate_z = 6.0) {
  auto options = shard_options(sites, quorum);
  options.outer.gate_z = gate_z;
  options.outer.grace = deck::GraceKind::fixed;
  options.outer.grace_s = 1.0;
  GatedShard shard(options);
  shard.sites = sites;
  return shard;
}

std::vector<Fate> fates(ToldShard::Actions const& actions, int site) {
  std::vector<Fate> found;
  for (auto const& notice : sent<FateNotice>(actions, site)) found.push_back(notice.fate);
  return found;
}

}  // namespace

TEST_CASE("a contribution of a thousand times the usual norm is held back, and refused at the close") {
  auto shard = gated(2, 1);
  shard.commits_usual(4);
  shard.opens_next();
  // K = 1, yet it does not close the round: it does not count.
  auto actions = shard.gives_norm(0, 1000.0);
  CHECK(commits(actions).empty());
  CHECK(fates(actions, 0) == std::vector{Fate{5, Outcome::received, {}}});
  auto const poison = shard.payload;

  actions = shard.gives_norm(1, 1.0);
  REQUIRE(commits(actions).size() == 1);
  CHECK(sites_of(commits(actions)[0]) == std::vector{1});
  CHECK(commits(actions)[0].absent.empty());
  CHECK(fates(actions, 0) == std::vector{Fate{5, Outcome::rejected, Reason::unusual_norm}});
  CHECK(only<DiscardPayload>(actions).at(0).payload == poison);
  CHECK(only<SendRelease>(actions).at(0).release.fate.outcome == Outcome::rejected);
  CHECK(shard.rejections() == std::map<Reason, std::uint64_t>{{Reason::unusual_norm, 1}});
}

TEST_CASE("what most of the live sites send is what is usual now") {
  auto shard = gated(3, 3);
  shard.commits_usual(4);
  shard.opens_next();
  shard.gives_norm(0, 30.0);
  shard.gives_norm(1, 1.0);
  CHECK(sites_of(commits(shard.gives_norm(2, 25.0)).at(0)) == std::vector{0, 1, 2});
  CHECK(shard.rejections().empty());
}

TEST_CASE("a round of one site alone is not most of the sites") {
  auto shard = gated(2, 1);
  shard.commits_usual(4);
  shard.opens_next();
  shard.gives_norm(0, 1000.0);
  CHECK(commits(shard.waits_until(5.0)).empty());

  SECTION("until the other sends the like") {
    CHECK(sites_of(commits(shard.gives_norm(1, 900.0)).at(0)) == std::vector{0, 1});
  }
  SECTION("or is gone, and the round with it") {
    shard.now_s = 20.0;
    shard.says(0, {.step = 60, .unsent = 0, .base = 4, .pending = true, .round = 5});
    CHECK(shard.rejections().at(Reason::unusual_norm) == 1);
    shard.says(0, {.step = 70, .unsent = 20, .base = 4, .round = 5});
    auto const again = ToldShard::contribution(6, 20, 4);
    CHECK(commits(shard.on_contribution(0, again, {.payload = 88, .norm = 1000.0}, 20.0)).size() == 1);
  }
}

TEST_CASE("a round that the gate keeps from its quorum is over, and the site is named until then") {
  auto shard = gated(2, 2);
  shard.commits_usual(4);
  shard.opens_next();
  shard.gives_norm(0, 1000.0);
  shard.now_s = 9.0;
  shard.says(1, {.step = 60, .unsent = 20, .base = 4, .round = 4});
  shard.now_s = 12.0;
  shard.says(0, {.step = 60, .unsent = 10, .base = 4, .round = 5});
  CHECK_THAT(shard.waiting_for(),
             ContainsSubstring("2 of 2") && ContainsSubstring("site 0 (its contribution is of an"));
  auto const actions = shard.gives_norm(1, 1.0);
  CHECK(commits(actions).empty());
  CHECK(fates(actions, 0).back() == Fate{5, Outcome::rejected, Reason::unusual_norm});
  CHECK(fates(actions, 1).back() == Fate{5, Outcome::dropped, {}});
  CHECK(shard.rejections().at(Reason::unusual_norm) == 1);
}

TEST_CASE("nothing is unusual before eight were merged, or with gate_z = 0") {
  SECTION("seven") {
    auto shard = gated(1, 1);
    shard.commits_usual(7);
    shard.opens_next();
    CHECK(commits(shard.gives_norm(0, 1000.0)).size() == 1);
  }
  SECTION("off") {
    auto shard = gated(2, 1, 0.0);
    shard.commits_usual(8);
    shard.opens_next();
    CHECK(commits(shard.gives_norm(0, 1000.0)).empty());
    CHECK(sites_of(commits(shard.gives_norm(1, 1.0)).at(0)) == std::vector{0, 1});
  }
}

TEST_CASE("the norm is judged against the root of the steps, and with room for how drift grows") {
  auto shard = gated(2, 1);
  shard.commits_usual(4);
  shard.opens_next();
  auto const steps = GENERATE(1u, 10u, 900u);
  shard.gives_norm(0, 3.5, steps);
  CHECK(sites_of(commits(shard.gives_norm(1, 1.0)).at(0)) == std::vector{0, 1});
}

TEST_CASE("a late contribution of an unusual norm is not carried") {
  auto options = shard_options(2, 1);
  options.outer.late = deck::Late::carry;
  GatedShard shard(options);
  shard.sites = 2;
  for (int i = 0; i < 10; ++i) {
    shard.opens_next();
    shard.gives_norm(0, 1.0);
    if (i < 9) continue;
    auto const actions = shard.gives_norm(1, 1000.0);
    CHECK(fates(actions, 1) == std::vector{Fate{10, Outcome::rejected, Reason::unusual_norm}});
    CHECK(shard.rejections().at(Reason::unusual_norm) == 1);
  }
}

TEST_CASE("a shard that goes on from a checkpoint knows what is usual") {
  auto shard = gated(2, 1);
  shard.commits_usual(4);
  auto const values = saved(shard);
  auto resumed = gated(2, 1);
  resumed.load(MemoryReader(values), 0.0);
  resumed.round = 4;
  resumed.opens_next();
  CHECK(commits(resumed.gives_norm(0, 1000.0)).empty());
  CHECK(sites_of(commits(resumed.gives_norm(1, 1.0)).at(0)) == std::vector{1});
}

TEST_CASE("what was held when the state was saved is not merged because one site is back first") {
  auto shard = gated(2, 1);
  shard.commits_usual(4);
  shard.opens_next();
  shard.gives_norm(0, 1000.0);
  auto const values = saved(shard);

  auto options = shard_options(2, 1);
  options.outer.gate_z = 6.0;
  SyncerMachine resumed(options);
  resumed.load(MemoryReader(values), 0.0);
  CHECK(commits(resumed.on_admitted(0, 2, 0.0)).empty());
  CHECK(resumed.rejections().at(Reason::unusual_norm) == 1);
}
