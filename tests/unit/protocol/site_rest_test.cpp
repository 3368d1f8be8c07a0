// A site that comes to rest, is saved, and goes on.
#include "support/catch.hpp"
#include "support/memory_archive.hpp"
#include "trained_site.hpp"

using namespace atl;
using namespace atl::protocol;
using namespace atl::test;

TEST_CASE("a site holds from the boundary that Hold reaches, answers, saves, and goes on") {
  auto site = started_site({.fragments = 1});
  auto actions = site.train({Hold{.id = 5, .purpose = Purpose::checkpoint}});
  CHECK(site.is_holding());
  REQUIRE(actions.size() == 2);
  CHECK(std::get<SendProgress>(actions[0]).progress.holding);
  CHECK(std::get<SendHeld>(actions[1]).held == Held{.id = 5});

  actions = site.stand({Save{.id = 5, .step = 40}});
  CHECK(only<WriteState>(actions).at(0).save == Save{.id = 5, .step = 40});
  CHECK(site.is_holding());

  actions = site.stand({Go{.id = 5, .leave = false}});
  CHECK_FALSE(site.is_holding());
  CHECK_FALSE(progress_of(actions).holding);
  CHECK(only<Leave>(actions).empty());
}

TEST_CASE("a site is at rest once it holds and no contribution of it is under way") {
  auto site = started_site({.fragments = 1});
  auto const pulled = GENERATE(true, false);
  if (pulled) {
    CHECK(only<SendHeld>(site.train({pull(1), Hold{.id = 1}})).empty());
    CHECK(site.is_holding());
    CHECK(only<SendHeld>(site.stand({pull(2, merged(1))})).empty());  // merged, but not here yet
    CHECK(only<SendHeld>(site.stand({release(1, 1, merged(1))})).size() == 1);
  } else {
    CHECK(only<SendHeld>(site.train({Hold{.id = 1}})).size() == 1);
  }
  CHECK(only<SendHeld>(site.stand()).empty());  // once
}

TEST_CASE("a site without parameters is not at rest") {
  TrainedSite site({.fragments = 1});
  CHECK(only<SendHeld>(site.stand({Hold{.id = 1}})).empty());
  CHECK(only<SendHeld>(site.stand({release(0, 0)})).size() == 1);
}

TEST_CASE("a holding site still adopts and answers, with what it has") {
  auto site = started_site({.fragments = 1, .receive = deck::Receive::rebase});
  site.train({Hold{.id = 1}});
  CHECK(contributed(site.stand({pull(1)})) == std::vector<std::uint32_t>{0});
  CHECK(only<Adopt>(site.stand({release(1, 1, merged(1))})).size() == 1);
  CHECK(contributed(site.stand({pull(2)})).empty());
  CHECK(site.ledger(0).merged == work(1));
}

TEST_CASE("the run is over for a site when Go says so") {
  auto site = started_site({.fragments = 1});
  site.train({Hold{.id = 1, .purpose = Purpose::stop}});
  CHECK(only<Leave>(site.stand({Go{.id = 1, .leave = true}})).size() == 1);
  CHECK(site.is_holding());
}

TEST_CASE("every Hold is answered, by its own number") {
  auto site = started_site({.fragments = 1});
  site.train({Hold{.id = 1}});
  CHECK(only<SendHeld>(site.stand({Hold{.id = 2, .purpose = Purpose::stop}})).at(0).held.id == 2);
}

TEST_CASE("a site that slept through a quiet point does not act on it any more") {
  auto site = started_site({.fragments = 1});
  auto const actions = site.train({Hold{.id = 1}, Save{.id = 1, .step = 9}, Go{.id = 1, .leave = false}});
  CHECK(actions.size() == 1);  // progress
  CHECK_FALSE(site.is_holding());

  auto const next = site.train({Hold{.id = 2}, Go{.id = 2}, Hold{.id = 3}});
  CHECK(only<SendHeld>(next).at(0).held.id == 3);
  CHECK(site.is_holding());
}

TEST_CASE("a site with a last step holds there by itself until it may leave") {
  TrainedSite site({.fragments = 0, .last_step = 3});
  site.train_for(2);
  CHECK_FALSE(site.is_holding());
  CHECK(only<SendHeld>(site.train()).empty());
  CHECK(site.is_holding());
  CHECK(only<SendHeld>(site.stand({Hold{.id = 1, .purpose = Purpose::checkpoint}})).size() == 1);
  site.stand({Go{.id = 1, .leave = false}});
  CHECK(site.is_holding());
  CHECK(only<SendHeld>(site.stand({Hold{.id = 2, .purpose = Purpose::finish}})).size() == 1);
  CHECK(only<Leave>(site.stand({Go{.id = 2, .leave = true}})).size() == 1);
}

TEST_CASE("a site goes on from where it was saved, in its next life") {
  auto site = started_site({.fragments = 2, .incarnation = 2});
  site.train({pull(1)});
  site.train({release(1, 1, merged(1))});
  site.train_for(2);
  auto const values = saved(site);

  TrainedSite resumed({.fragments = 2});
  resumed.load(MemoryReader(values));
  CHECK(resumed.is_ready());
  CHECK(resumed.step() == 4);
  CHECK(resumed.incarnation() == 3);
  CHECK(resumed.base(0) == Version{0, 1});
  CHECK(resumed.ledger(0).merged == work(1));
  CHECK(resumed.ledger(0).overwritten == work(1));
  CHECK(resumed.ledger(0).unsent == work(2));
  CHECK(resumed.ledger(1).unsent == work(4));

  SECTION("the releases that greet it are what it has already") {
    auto const actions = resumed.stand({release(1, 1), release(0, 0, {}, 1)});
    CHECK(only<Discard>(actions).size() == 2);
    CHECK(only<Adopt>(actions).empty());
    CHECK(progress_of(actions).fragments.size() == 2);
  }
  SECTION("a pull of a round before is still void") {
    CHECK(contributed(resumed.stand({pull(1)})).empty());
    auto const sent = only<Contribute>(resumed.stand({pull(2)}));
    REQUIRE(sent.size() == 1);
    CHECK(sent[0].contribution.incarnation == 3);
    CHECK(sent[0].contribution.work == work(2));
  }
}

TEST_CASE("a site is not saved before it has parameters") {
  TrainedSite const fresh({.fragments = 1});
  CHECK_THROWS_AS(saved(fresh), base::RuntimeFailure);
}

TEST_CASE("a site saved with a contribution under way learns its fate in its next life") {
  auto site = started_site({.fragments = 1});
  site.train_for(2);
  site.train({pull(1)});
  site.train();

  TrainedSite resumed({.fragments = 1});
  resumed.load(MemoryReader(saved(site)));
  CHECK(resumed.ledger(0).pending == work(3));
  CHECK(contributed(resumed.train({pull(2)})).empty());
  SECTION("merged") {
    resumed.stand({release(1, 1, merged(1))});
    CHECK(resumed.ledger(0).merged == work(3));
  }
  SECTION("dropped: it is unsent again") {
    auto const sent = only<Contribute>(resumed.stand({notice(dropped(1))}));
    CHECK(sent.at(0).contribution.work == work(5));
  }
}

TEST_CASE("at a marker a site reports, then is cut, and trains on") {
  auto site = started_site({.fragments = 1});
  auto const actions = site.train({pull(1), Marker{.id = 4, .step = 100}});
  CHECK(only<Cut>(actions).at(0).marker == Marker{.id = 4, .step = 100});
  CHECK(std::holds_alternative<Cut>(actions.back()));
  CHECK(contributed(actions).size() == 1);
  CHECK_FALSE(site.is_holding());
}

TEST_CASE("a damaged state of a site is refused") {
  auto site = started_site({.fragments = 1});
  site.train_for(3);
  auto values = saved(site);
  TrainedSite resumed({.fragments = 1});

  SECTION("a ledger that does not balance") {
    values["fragment_0/merged"] = std::vector<std::uint64_t>{1, 100};
    CHECK_THROWS_WITH(resumed.load(MemoryReader(values)), ContainsSubstring("balance"));
  }
  SECTION("a value of another length") {
    values["fragment_0/base"] = std::vector<std::uint64_t>{1};
    CHECK_THROWS_WITH(resumed.load(MemoryReader(values)), ContainsSubstring("'base'"));
  }
  SECTION("fewer fragments than the deck has") {
    TrainedSite more({.fragments = 2});
    CHECK_THROWS_AS(more.load(MemoryReader(values)), base::InputError);
  }
}
