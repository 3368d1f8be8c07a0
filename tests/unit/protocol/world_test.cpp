// Whole runs, from the first release to the end: several sites, shards and fragments, slow links, silence and
// return.
#include "world.hpp"

#include <algorithm>

#include "support/catch.hpp"
#include "told_shard.hpp"

using namespace atl;
using namespace atl::protocol;
using namespace atl::test;

namespace {

// Two equal sites, one shard, three fragments, every one due every 12 steps; a quick link.
WorldOptions quick() {
  WorldOptions options;
  options.outer.fragments = 3;
  options.outer.interval_steps = 12;
  options.outer.quorum = 1;
  options.outer.in_flight = 2;
  options.outer.dead_after_s = 10.0;
  options.control_delay_s = 0.01;
  options.bulk_delay_s = 0.1;
  return options;
}

void require_good_end(World& world) {
  world.run();
  REQUIRE(world.failure() == "");
  REQUIRE(world.is_over());
  REQUIRE(world.check_end() == "");
}

// Times at which a fragment was committed.
std::vector<double> commit_times(World const& world, std::uint32_t fragment) {
  std::vector<double> times;
  for (auto const& seen : world.commits()) {
    if (seen.commit.fragment == fragment) times.push_back(seen.time_s);
  }
  return times;
}

double longest_gap(std::vector<double> const& times) {
  double longest = 0.0;
  for (std::size_t i = 1; i < times.size(); ++i) longest = std::max(longest, times[i] - times[i - 1]);
  return longest;
}

}  // namespace

TEST_CASE("two equal sites train to the end, and every step of both is in the outer parameters") {
  auto options = quick();
  options.outer.receive = deck::Receive::rebase;
  options.outer.quorum = GENERATE(1, 2);
  World world(options);
  require_good_end(world);
  for (int m : {0, 1}) {
    for (int p : {0, 1, 2}) {
      CHECK(world.site(m).ledger(p).unsent == Work{});
      CHECK(world.work_in_theta(m, p).steps == world.site(m).step());
    }
  }
  REQUIRE(world.seals().size() == 1);
  CHECK(world.seals()[0].files.size() == 3);
}

TEST_CASE("with the grace of one step, equal sites are merged together although K = 1") {
  World world(quick());
  require_good_end(world);
  for (auto const& seen : world.commits()) CHECK(sites_of(seen.commit) == std::vector{0, 1});
}

TEST_CASE("on an instant link rounds still come once an interval") {
  auto options = quick();
  options.control_delay_s = options.bulk_delay_s = 0.0;
  options.steps = 120;
  World world(options);
  require_good_end(world);
  for (std::uint32_t p : {0u, 1u, 2u}) {
    auto const times = commit_times(world, p);
    CHECK(times.size() >= 10);
    CHECK(times.size() <= 11);  // and the last round
    for (std::size_t i = 2; i < times.size(); ++i) CHECK(times[i - 1] - times[i - 2] >= 6.0);
  }
}

TEST_CASE("no site waits: steps follow one another at their pace whatever the link and the other site do") {
  auto options = quick();
  options.outer.quorum = GENERATE(1, 2);
  options.bulk_delay_s = GENERATE(0.1, 15.0);
  options.step_s = {1.0, 0.6};
  options.stalls = {{.site = 1, .from_s = 8.0, .to_s = 30.0}};
  World world(options);
  require_good_end(world);
  CHECK(longest_gap(world.step_times_s(0)) == Approx(1.0));
}

TEST_CASE(
    "while one of two sites is silent, the other's fragments keep committing; then the silent one catches "
    "up") {
  auto options = quick();
  options.steps = 100;
  options.stalls = {{.site = 1, .from_s = 25.5, .to_s = 55.0}};
  World world(options);
  require_good_end(world);
  int alone = 0;
  int together_again = 0;
  for (auto const& [time_s, commit] : world.commits()) {
    if (time_s > 30.0 && time_s < 55.0) {
      CHECK(sites_of(commit) == std::vector{0});
      ++alone;
    }
    if (time_s > 58.0 && sites_of(commit) == std::vector{0, 1}) ++together_again;
    // Who comes back contributes from what it then adopted, not from what it had.
    if (time_s > 58.0) CHECK(commit.members.back().staleness == 0);
  }
  CHECK(alone >= 5);
  CHECK(together_again >= 8);
  CHECK(longest_gap(commit_times(world, 0)) < 16.0);
}

TEST_CASE("with K = 2 nothing is committed while one of two sites is silent, and nothing is lost by that") {
  auto options = quick();
  options.outer.quorum = 2;
  options.outer.receive = deck::Receive::rebase;
  options.steps = 100;
  options.stalls = {{.site = 1, .from_s = 25.5, .to_s = 55.0}};
  World world(options);
  require_good_end(world);
  for (auto const& [time_s, commit] : world.commits()) CHECK((time_s < 27.0 || time_s > 55.0));
  CHECK(world.work_in_theta(0, 0).steps == world.site(0).step());
}

TEST_CASE("a slow site takes part with what it has") {
  auto options = quick();
  options.step_s = {1.0, 4.0};
  options.outer.receive = deck::Receive::rebase;
  World world(options);
  require_good_end(world);
  CHECK(world.site(0).step() > 3 * world.site(1).step());
  CHECK(world.work_in_theta(1, 1).steps == world.site(1).step());
}

TEST_CASE("a link slower than the interval delays commits but not the run") {
  auto options = quick();
  options.bulk_delay_s = 20.0;  // H is 12 s
  options.outer.in_flight = 3;
  options.outer.receive = deck::Receive::rebase;
  options.outer.dead_after_s = 60.0;
  options.steps = 200;
  World world(options);
  require_good_end(world);
  CHECK(world.sightings().most_on_their_way == 3);
  CHECK(world.site(0).ledger(0).dropped == Work{});
  for (int p : {0, 1, 2}) CHECK(world.work_in_theta(0, p).steps == world.site(0).step());
}

TEST_CASE("shards share the fragments, each at its own pace, to the same end") {
  auto options = quick();
  options.shards = 3;
  options.sites = 3;
  options.step_s = {1.0, 0.8, 1.3};
  options.outer.fragments = 7;
  options.outer.quorum = 2;
  options.jitter = 2.0;
  World world(options);
  require_good_end(world);
  CHECK(world.seals().at(0).files.size() == 6);
  for (std::uint32_t p = 0; p < 7; ++p) CHECK(commit_times(world, p).size() >= 4);
}

TEST_CASE(
    "sites whose places are all taken by contributions that wait for their quorum do not block one another") {
  // Each site answers the fragments in another order; before a contribution that has arrived made room for
  // the next, site 0 waited for site 1 and site 1 for site 0.
  auto options = quick();
  options.outer.fragments = 6;
  options.outer.quorum = 2;
  options.outer.in_flight = 1;
  options.shards = 2;
  options.control_delay_s = 0.3;
  options.jitter = 3.0;
  options.steps = 80;
  options.seed = GENERATE(1, 2, 3, 4, 5);
  World world(options);
  require_good_end(world);
  for (std::uint32_t p = 0; p < 6; ++p) CHECK(longest_gap(commit_times(world, p)) < 40.0);
}

TEST_CASE("a site whose contribution was damaged on the way does not keep the others from committing") {
  auto options = quick();
  options.outer.quorum = 2;
  options.outer.receive = deck::Receive::rebase;
  options.corrupted_share = 0.1;
  options.steps = 300;
  World world(options);
  require_good_end(world);
  CHECK(world.sightings().rejections.at(Reason::not_finite) > 5);
  for (std::uint32_t p : {0u, 1u, 2u}) CHECK(longest_gap(commit_times(world, p)) < 100.0);
}

TEST_CASE("checkpoints are taken on the way, and a run resumed from one ends as any other") {
  auto options = quick();
  options.checkpoint_every = 20;
  options.outer.receive = GENERATE(deck::Receive::overwrite, deck::Receive::rebase);
  World world(options);
  world.run(50.0);
  REQUIRE(world.seals().size() == 2);
  auto const incarnation = world.site(0).incarnation();
  world.restart();
  CHECK(world.site(0).incarnation() == incarnation + 1);
  require_good_end(world);
  CHECK(world.seals().size() == 3);
  CHECK(world.given_up().empty());
}

TEST_CASE("a checkpoint that a silent site keeps from rest is given up, and training goes on") {
  auto options = quick();
  options.checkpoint_every = 20;
  options.patience_s = 5.0;
  options.stalls = {{.site = 1, .from_s = 15.0, .to_s = 35.0}};
  World world(options);
  world.run(50.0);
  REQUIRE(world.given_up().size() == 1);
  CHECK_THAT(world.given_up()[0], ContainsSubstring("site 1"));
  require_good_end(world);
  CHECK_FALSE(world.seals().empty());
}

TEST_CASE("a run whose silent site does not come back ends without it") {
  auto options = quick();
  options.patience_s = 30.0;
  options.stalls = {{.site = 1, .from_s = 15.0, .to_s = 500.0}};
  World world(options);
  require_good_end(world);
  REQUIRE(world.seals().size() == 1);
  CHECK(world.seals()[0].missing == std::vector<Participant>{{Participant::Kind::site, 1}});
  CHECK(world.work_in_theta(0, 0) == world.site(0).ledger(0).merged);
}

TEST_CASE(
    "streaming: sites whose exchange takes no longer than its overlap never wait; diloco waits every time") {
  auto options = quick();
  options.synchronous = true;
  options.outer.quorum = 2;
  options.outer.receive = deck::Receive::blend;
  options.bulk_delay_s = 0.8;
  bool const overlaps = GENERATE(true, false);
  options.outer.overlap_steps = overlaps ? 2 : 0;
  World world(options);
  require_good_end(world);
  CHECK((world.sightings().waits == 0) == overlaps);
  for (int m : {0, 1}) CHECK(world.site(m).step() == options.steps);
  // Three fragments, one round each every 12 of 60 steps, and at most one more for what is left.
  for (std::uint32_t p : {0u, 1u, 2u}) {
    CHECK(commit_times(world, p).size() >= 5);
    CHECK(commit_times(world, p).size() <= 6);
  }
  for (auto const& seen : world.commits()) CHECK(sites_of(seen.commit) == std::vector{0, 1});
}

TEST_CASE("diloco: a slow site keeps the other waiting, and both end at the same step") {
  auto options = quick();
  options.synchronous = true;
  options.outer.fragments = 1;
  options.outer.overlap_steps = 0;
  options.outer.quorum = 2;
  options.step_s = {1.0, 2.0};
  World world(options);
  require_good_end(world);
  CHECK(world.site(0).step() == world.site(1).step());
  CHECK(longest_gap(world.step_times_s(0)) > 12.0);
  CHECK(world.work_in_theta(0, 0).steps == options.steps);  // every step of both counts
  CHECK(world.work_in_theta(1, 0).steps == options.steps);
}

TEST_CASE("each to its own end: the slow site's work goes on being merged when the fast one has ended") {
  auto options = quick();
  options.stops_each = true;
  options.step_s = {1.0, 2.0};
  options.outer.receive = deck::Receive::rebase;
  World world(options);
  require_good_end(world);
  for (int m : {0, 1}) {
    CHECK(world.site(m).step() == options.steps);
    CHECK(world.work_in_theta(m, 0).steps == options.steps);
  }
  auto const times = commit_times(world, 0);
  CHECK(std::ranges::count_if(times, [](double time_s) { return time_s > 62.0; }) >= 2);
}
