// A site, event by event: start, pulls, and what order things happen in.
#include "protocol/site_machine.hpp"

#include "support/catch.hpp"
#include "trained_site.hpp"

using namespace atl;
using namespace atl::protocol;
using namespace atl::test;

TEST_CASE("a site trains once it has adopted every fragment") {
  TrainedSite site({.fragments = 2});
  CHECK_FALSE(site.is_ready());

  auto const first = only<Adopt>(site.stand({release(0, 0, {}, 1)}));
  REQUIRE(first.size() == 1);
  CHECK(first[0].fragment == 1);
  CHECK(first[0].payload == 2000);
  CHECK(first[0].rule == AdoptRule::overwrite);
  CHECK_FALSE(site.is_ready());

  site.stand({release(7, 3, {}, 0)});  // not necessarily version 0
  CHECK(site.is_ready());
  CHECK(site.base(0) == Version{0, 3});
  CHECK(site.ledger(0).processed == work(0));
}

TEST_CASE("the first adoption overwrites also where later ones rebase") {
  TrainedSite site({.fragments = 1, .receive = deck::Receive::rebase});
  CHECK(only<Adopt>(site.stand({release(0, 0)})).at(0).rule == AdoptRule::overwrite);
}

TEST_CASE(
    "a site that has not trained yet begins with the newest version as it is, also where later ones blend") {
  TrainedSite site({.fragments = 2, .receive = deck::Receive::blend});
  site.stand({release(0, 0)});
  CHECK(only<Adopt>(site.stand({release(1, 1), release(0, 0, {}, 1)})).at(0).rule == AdoptRule::overwrite);
  site.train();
  CHECK(only<Adopt>(site.stand({release(2, 2)})).at(0).rule == AdoptRule::blend);
}

TEST_CASE("a site that exchanges nothing is ready at once and counts its steps") {
  TrainedSite site({.fragments = 0, .last_step = 2});
  CHECK(site.is_ready());
  CHECK(progress_of(site.train()).fragments.empty());
  CHECK(site.train().size() == 1);
  CHECK(site.step() == 2);
}

TEST_CASE("a site contributes what it has trained since its base") {
  auto site = started_site({.fragments = 1, .incarnation = 3});
  site.train_for(4);
  auto const sent = only<Contribute>(site.train({pull(1)}));
  REQUIRE(sent.size() == 1);
  CHECK(
      sent[0].contribution ==
      Contribution{.fragment = 0, .round = 1, .incarnation = 3, .base = {0, 0}, .step = 5, .work = work(5)});
  CHECK(site.ledger(0).pending == work(5));
  CHECK(site.ledger(0).unsent == work(0));
}

TEST_CASE("a release is adopted before a pull is answered, so nothing is sent from a stale base") {
  auto site = started_site({.fragments = 1, .receive = deck::Receive::rebase});
  site.train_for(3);
  auto const actions = site.train({pull(2), release(1, 1)});
  REQUIRE(actions.size() == 3);
  CHECK(std::get<Adopt>(actions[0]).version == Version{0, 1});
  CHECK(std::get<Contribute>(actions[1]).contribution.base == Version{0, 1});
  CHECK(std::holds_alternative<SendProgress>(actions[2]));
}

TEST_CASE("a pull with nothing trained since the base stands until the next step") {
  auto site = started_site({.fragments = 1});
  CHECK(contributed(site.stand({pull(1)})).empty());
  CHECK(contributed(site.train()) == std::vector<std::uint32_t>{0});
}

TEST_CASE("of several releases of a fragment the newest is adopted, the others are discarded") {
  auto site = started_site({.fragments = 1});
  site.train({release(4, 4)});
  auto const actions =
      site.train({release(5, 5), release(7, 7), release(6, 6), release(3, 3), release(4, 4)});
  auto const adopted = only<Adopt>(actions);
  REQUIRE(adopted.size() == 1);
  CHECK(adopted[0].version == Version{0, 7});
  std::vector<PayloadHandle> discarded;
  for (auto const& discard : only<Discard>(actions)) discarded.push_back(discard.payload);
  CHECK(discarded == std::vector<PayloadHandle>{1005, 1006, 1003, 1004});
}

TEST_CASE("a term outweighs any number of commits") {
  auto site = started_site({.fragments = 1});
  site.train({release(9, 9)});
  HeldRelease taken_over = release(10, 2);
  taken_over.release.version.term = 1;
  site.train({Seat{.term = 1, .from = 7}});
  CHECK(only<Adopt>(site.train({taken_over})).size() == 1);
  CHECK(only<Discard>(site.train({release(11, 11)})).size() == 1);
}

TEST_CASE("a pull is void once the release of its round is adopted") {
  auto site = started_site({.fragments = 1});
  site.stand({pull(3)});
  site.train({release(3, 1)});
  CHECK(contributed(site.train()).empty());
  CHECK(contributed(site.train({pull(2)})).empty());
  CHECK(contributed(site.train({pull(4)})) == std::vector<std::uint32_t>{0});
}

TEST_CASE("only the pull of the newest round stands") {
  auto site = started_site({.fragments = 1});
  site.stand({pull(3), pull(2)});
  CHECK(only<Contribute>(site.train()).at(0).contribution.round == 3);
}

TEST_CASE("a cancelled pull is not answered, a later one is") {
  auto site = started_site({.fragments = 1});
  site.stand({pull(1)});
  CHECK(contributed(site.train({Cancel{.fragment = 0, .round = 1}})).empty());
  CHECK(contributed(site.train({pull(1)})).empty());
  CHECK(contributed(site.train({pull(2)})) == std::vector<std::uint32_t>{0});
}

TEST_CASE("a pull repeated after its answer is not answered again") {
  auto site = started_site({.fragments = 1});
  site.train({pull(1)});
  site.train({notice(dropped(1))});
  CHECK(contributed(site.train({pull(1)})).empty());
}

TEST_CASE("while the fate of a contribution is open, a later pull of the fragment stands") {
  auto site = started_site({.fragments = 1});
  site.train({pull(1)});
  CHECK(contributed(site.train({pull(2)})).empty());
  CHECK(contributed(site.train({notice(rejected(1))})) == std::vector<std::uint32_t>{0});
}

TEST_CASE("no more contributions are on their way at once than in_flight allows") {
  auto site = started_site({.fragments = 4, .in_flight = 2});
  site.stand({pull(1, {}, 3)});
  site.stand({pull(1, {}, 2), pull(1, {}, 0)});
  site.stand({pull(1, {}, 1)});
  // In the order in which the pulls came; those that came together by index.
  CHECK(contributed(site.train()) == std::vector<std::uint32_t>{3, 0});
  CHECK(contributed(site.train()).empty());
  CHECK(contributed(site.train({notice(dropped(1), 0)})) == std::vector<std::uint32_t>{2});
  CHECK(contributed(site.train({release(1, 1, merged(1), 3), notice(dropped(1), 2)})) ==
        std::vector<std::uint32_t>{1});
}

TEST_CASE(
    "a contribution that has arrived makes room for the next, though its round may stay open for long") {
  auto site = started_site({.fragments = 2, .in_flight = 1});
  CHECK(contributed(site.train({pull(1, {}, 0), pull(1, {}, 1)})) == std::vector<std::uint32_t>{0});
  Fate const received{1, Outcome::received, {}};
  auto const actions = site.train({notice(received, 0)});
  CHECK(contributed(actions) == std::vector<std::uint32_t>{1});
  CHECK(site.ledger(0).pending == work(1));
  CHECK(progress_of(actions).fragments.at(0).pending);
  CHECK(contributed(site.train({pull(2, {}, 0)})).empty());
  site.train({release(1, 1, merged(1), 0)});
  CHECK(site.ledger(0).merged == work(1));
}

TEST_CASE("events of fragments that do not exist do no harm") {
  auto site = started_site({.fragments = 1});
  auto const actions =
      site.train({release(1, 1, {}, 7), pull(1, {}, 7), notice(dropped(1), 7), Cancel{7, 1}});
  CHECK(only<Discard>(actions).size() == 1);
  CHECK(actions.size() == 2);
}

TEST_CASE("nothing that arrives, or does not arrive, makes a training site wait") {
  auto site = started_site({.fragments = 2, .in_flight = 1});
  for (std::uint64_t round = 1; round <= 20; ++round) {
    site.train({pull(round), pull(round, {}, 1)});
    CHECK(site.is_ready());
    CHECK_FALSE(site.is_holding());
  }
  CHECK(site.ledger(0).processed == work(20));
}

TEST_CASE("progress tells what has changed, and all of it at first and at rest") {
  auto site = started_site({.fragments = 2, .incarnation = 4});
  auto progress = progress_of(site.stand());
  CHECK(progress.incarnation == 4);
  CHECK(progress.fragments.empty());  // told when they were adopted

  progress = progress_of(site.train({pull(1, {}, 1)}));
  CHECK(progress.step == 1);
  CHECK(progress.loss == 2.0);
  REQUIRE(progress.fragments.size() == 2);
  CHECK(progress.fragments[0] ==
        Progress::Fragment{.fragment = 0, .base = {}, .unsent = work(1), .pending = 0, .round = 0});
  CHECK(
      progress.fragments[1] ==
      Progress::Fragment{.fragment = 1, .base = {}, .unsent = {}, .pending = 1, .round = 1, .open_round = 1});

  progress = progress_of(site.stand({notice(dropped(1), 1)}));
  REQUIRE(progress.fragments.size() == 1);
  CHECK(progress.fragments[0] ==
        Progress::Fragment{.fragment = 1, .base = {}, .unsent = work(1), .pending = 0, .round = 1});

  progress = progress_of(site.stand({Hold{.id = 1}}));
  CHECK(progress.holding);
  CHECK(progress.fragments.size() == 2);
}

TEST_CASE("progress does not speak of fragments that were never adopted") {
  TrainedSite site({.fragments = 2});
  CHECK(progress_of(site.stand()).fragments.empty());
  CHECK(progress_of(site.stand({release(0, 0, {}, 1)})).fragments.at(0).fragment == 1);
}

TEST_CASE("the time of a step is averaged over the last few") {
  TrainedSite site({.fragments = 0});
  auto const after = [&](double seconds) {
    return progress_of(site.on_boundary(StepDone{.tokens = 1, .step_s = seconds, .loss = 0.0}, {})).step_s;
  };
  CHECK(after(2.0) == 2.0);
  CHECK(after(1.0) == 1.5);
  CHECK(after(0.5) == 1.0);
}

TEST_CASE("a request to stop is passed on") {
  TrainedSite site({.fragments = 0});
  CHECK_FALSE(progress_of(site.train()).stop_requested);
  CHECK(progress_of(site.on_boundary(StepDone{.tokens = 1, .stop_requested = true}, {})).stop_requested);
}
