// A site of the synchronous methods: what it contributes unasked, when it waits, when it adopts (PROTOCOL.md
// §7).
#include "support/catch.hpp"
#include "support/memory_archive.hpp"
#include "trained_site.hpp"

using namespace atl;
using namespace atl::protocol;
using namespace atl::test;

namespace {

// Two fragments: p contributes at steps 4 and 8, q at 2, 6 and 10; two steps of overlap.
SiteMachine::Options streaming() {
  return {.fragments = 2,
          .receive = deck::Receive::blend,
          .last_step = 100,
          .rounds = SiteMachine::Rounds{.interval = 4, .overlap = 2}};
}

SiteMachine::Options diloco(std::uint64_t interval) {
  return {.fragments = 1,
          .receive = deck::Receive::overwrite,
          .last_step = 100,
          .rounds = SiteMachine::Rounds{.interval = interval, .overlap = 0}};
}

// A diloco site with an interval of 3 that has contributed to round 3.
TrainedSite waiting_site() {
  auto site = started_site(diloco(3));
  site.train_for(3);
  return site;
}

}  // namespace

TEST_CASE("each fragment is contributed at its own steps, unasked, to the round of that number") {
  auto site = started_site(streaming());
  CHECK(contributed(site.train()).empty());
  auto const first = only<Contribute>(site.train());
  REQUIRE(first.size() == 1);
  CHECK(first[0].contribution ==
        Contribution{.fragment = 1, .round = 2, .incarnation = 1, .base = {}, .step = 2, .work = work(2)});
  CHECK(contributed(site.train()).empty());
  CHECK(contributed(site.train({release(2, 1, merged(2), 1)})) == std::vector<std::uint32_t>{0});
  CHECK(contributed(site.train()).empty());
  CHECK(contributed(site.train({release(4, 1, merged(4), 0)})) == std::vector<std::uint32_t>{1});
}

TEST_CASE("a release that comes early is kept until its step, and blended in then") {
  auto site = started_site(streaming());
  site.train_for(2);
  auto actions = site.train({release(2, 1, merged(2), 1)});
  CHECK(only<Adopt>(actions).empty());
  CHECK(only<Discard>(actions).empty());
  CHECK(only<Settled>(actions).at(0).advanced);
  CHECK(site.base(1) == Version{});

  actions = site.train();
  auto const adopted = only<Adopt>(actions);
  REQUIRE(adopted.size() == 1);
  CHECK(adopted[0].fragment == 1);
  CHECK(adopted[0].payload == 2001);
  CHECK(adopted[0].rule == AdoptRule::blend);
  CHECK(only<Settled>(actions).empty());
  CHECK_FALSE(site.is_waiting());
  CHECK(site.ledger(1).merged == work(2));
  CHECK(site.ledger(1).overwritten == work(2));
}

TEST_CASE("a site whose release has not come stands still at its step, and is not holding") {
  auto site = started_site(streaming());
  site.train_for(3);
  CHECK_FALSE(site.is_waiting());
  site.train();
  CHECK(site.is_waiting());
  CHECK_FALSE(site.is_holding());
  CHECK_FALSE(progress_of(site.stand()).holding);
  CHECK_THROWS_AS(site.train(), base::RuntimeFailure);

  CHECK(only<Adopt>(site.stand({release(2, 1, merged(2), 1)})).size() == 1);
  CHECK_FALSE(site.is_waiting());
  CHECK(site.step() == 4);
}

TEST_CASE("diloco: a site contributes all and waits for the release at the same step") {
  auto site = waiting_site();
  CHECK(site.is_waiting());
  CHECK(only<Adopt>(site.stand({release(3, 1, merged(3))})).at(0).rule == AdoptRule::overwrite);
  CHECK_FALSE(site.is_waiting());
  CHECK(site.ledger(0).merged == work(3));
  CHECK(site.ledger(0).overwritten == work(0));
  site.train_for(3);
  CHECK(site.is_waiting());
}

TEST_CASE("a release of the round says that the contribution is in it, also where no fate comes with it") {
  auto site = waiting_site();
  auto const actions = site.stand({release(3, 1)});
  CHECK(only<Settled>(actions).at(0).advanced);
  CHECK(site.ledger(0).merged == work(3));
}

TEST_CASE("more than in_flight allows is under way where rounds say so") {
  auto options = streaming();
  options.in_flight = 1;
  options.rounds->overlap = 3;
  auto site = started_site(options);
  site.train_for(4);
  CHECK(site.ledger(0).pending == work(4));
  CHECK(site.ledger(1).pending == work(2));
}

// ---- rest ----

TEST_CASE("for a checkpoint a site stands still where it is; its contribution must have arrived") {
  auto site = waiting_site();
  auto const purpose = GENERATE(Purpose::checkpoint, Purpose::stop);
  CHECK(only<SendHeld>(site.stand({Hold{.id = 1, .purpose = purpose}})).empty());
  CHECK(only<SendHeld>(site.stand({notice({3, Outcome::received, {}})})).size() == 1);
  CHECK(site.is_waiting());
  CHECK_NOTHROW(saved(site));
}

TEST_CASE("a site saved with its contribution under way adopts at its step in its next life") {
  auto site = started_site(streaming());
  site.train_for(3);
  site.stand({notice({2, Outcome::received, {}}, 1)});
  TrainedSite resumed(streaming());
  resumed.load(MemoryReader(saved(site)));
  CHECK(resumed.ledger(1).pending == work(2));
  CHECK_FALSE(resumed.is_waiting());

  SECTION("with the release that greets it") {
    CHECK(only<Adopt>(resumed.stand({release(0, 0), release(2, 1, {}, 1)})).empty());
    CHECK(only<Adopt>(resumed.train()).at(0).fragment == 1);
  }
  SECTION("with one that comes later") {
    CHECK(contributed(resumed.train()) == std::vector<std::uint32_t>{0});
    CHECK(resumed.is_waiting());
    resumed.stand({release(2, 1, merged(2), 1)});
  }
  CHECK_FALSE(resumed.is_waiting());
  CHECK(resumed.ledger(1).merged == work(2));
  CHECK(resumed.ledger(1).overwritten == work(2));
}

TEST_CASE("a release that was kept when the site was saved comes again") {
  auto site = started_site(streaming());
  site.train_for(2);
  site.train({release(2, 1, merged(2), 1)});
  TrainedSite resumed(streaming());
  resumed.load(MemoryReader(saved(site)));
  CHECK(resumed.ledger(1).merged == work(2));
  CHECK(only<Settled>(resumed.stand({release(2, 1, {}, 1)})).empty());  // told in its earlier life
  CHECK(only<Adopt>(resumed.train()).size() == 1);
}

TEST_CASE("a saved contribution that is not what the ledger says is refused") {
  auto site = waiting_site();
  site.stand({notice({3, Outcome::received, {}})});
  auto values = saved(site);
  TrainedSite resumed(diloco(3));
  SECTION("other steps") { values["fragment_0/sent"] = std::vector<std::uint64_t>{3, 0, 2, 200}; }
  SECTION("no such fate") { values["fragment_0/sent"] = std::vector<std::uint64_t>{3, 77, 3, 300}; }
  SECTION("too few numbers") { values["fragment_0/sent"] = std::vector<std::uint64_t>{3, 0}; }
  CHECK_THROWS_AS(resumed.load(MemoryReader(values)), base::InputError);
}

// ---- the end ----

TEST_CASE("at its last step a site adopts what is outstanding as it comes, and then answers the last round") {
  auto options = streaming();
  options.last_step = 7;
  auto site = started_site(options);
  site.train_for(4);
  site.stand({release(2, 1, merged(2), 1)});
  site.train_for(2);  // contributes fragment 1 at 6
  site.stand({release(4, 1, merged(4), 0)});
  site.train();
  CHECK(site.is_holding());
  CHECK_FALSE(site.is_waiting());
  CHECK(only<Adopt>(site.stand({release(6, 2, merged(6), 1)})).size() == 1);  // not at step 8
  CHECK(site.ledger(1).unsent == work(0));

  CHECK(only<SendHeld>(site.stand({Hold{.id = 1, .purpose = Purpose::finish}})).size() == 1);
  auto const last = only<Contribute>(site.stand({pull(5), pull(7, {}, 1)}));
  REQUIRE(last.size() == 1);
  CHECK(last[0].contribution.work == work(1));
  CHECK(only<Adopt>(site.stand({release(5, 2, merged(5))})).size() == 1);
  CHECK(site.ledger(0).unsent == work(0));
}

TEST_CASE("a finish that comes before the last step ends the wait") {
  auto site = waiting_site();
  CHECK(only<SendHeld>(site.stand({Hold{.id = 1, .purpose = Purpose::finish}})).empty());
  CHECK_FALSE(site.is_waiting());
  CHECK(only<SendHeld>(site.stand({notice({3, Outcome::dropped, {}})})).size() == 1);
  CHECK(site.ledger(0).unsent == work(3));
}
