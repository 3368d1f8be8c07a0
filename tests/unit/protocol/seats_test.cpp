// Seats: how ownership changes, and that silence alone never changes it.
#include "protocol/seats.hpp"

#include "support/catch.hpp"

using namespace atl::protocol;

namespace {

std::set<int> const three_sites{0, 1, 2};

template <class T>
std::vector<T> only(Seats::Changes const& changes) {
  std::vector<T> found;
  for (auto const& change : changes) {
    if (auto const* each = std::get_if<T>(&change)) found.push_back(*each);
  }
  return found;
}

Promise vote(std::uint64_t term, std::uint32_t shard, bool claims = false) {
  return {.incarnation = 1, .seat = 0, .term = term, .shard = shard, .claims = claims};
}

}  // namespace

TEST_CASE("at first every shard owns its own seat, and the next one backs it up") {
  Seats const seats(2, 3, 4, true, 10.0);
  CHECK(seats.is_mine(2));
  CHECK_FALSE(seats.is_mine(0));
  CHECK(seats.backup(2) == 0);
  CHECK(seats.backup(0) == 1);
  CHECK_FALSE(Seats(0, 3, 4, false, 10.0).backup(0).has_value());
  CHECK_FALSE(Seats(0, 1, 4, true, 10.0).backup(0).has_value());
}

TEST_CASE("when the owner's process is gone its backup asks for the seat at once, in a new term") {
  Seats seats(1, 3, 4, true, 10.0);
  CHECK(seats.tick(0.0).empty());
  seats.on_lost(0);
  CHECK(only<AskPromises>(seats.tick(0.0)).at(0).request ==
        PromiseRequest{.seat = 0, .term = 1, .from = 0, .shard = 1});
  for (int const site : {0, 1}) seats.on_promise(site, vote(1, 1), three_sites, 0.0);
  seats.on_promise(0, vote(1, 1, true), three_sites, 0.0);
  CHECK_FALSE(seats.is_mine(0));  // it was the owner's, but another may have been made the backup
  CHECK(only<SeatTaken>(seats.on_promise(1, vote(1, 1, true), three_sites, 0.0)).at(0).seat == 0);
  CHECK(seats.news(0) == Seat{.seat = 0, .term = 1, .from = 0, .owner = 1});
  CHECK(seats.backup(0) == 2);
  CHECK(seats.is_mine(1));
  CHECK(seats.term(1) == 0);
}

TEST_CASE("a shard that is no backup asks for nothing") {
  Seats seats(2, 3, 4, true, 10.0);
  seats.on_lost(0);
  CHECK(seats.tick(0.0).empty());
}

TEST_CASE("when the backup's process is gone the owner takes the next shard that lives, or goes on alone") {
  Seats seats(0, 3, 4, true, 10.0);
  seats.on_lost(1);
  CHECK(seats.backup(0) == 2);
  seats.on_lost(2);
  CHECK_FALSE(seats.backup(0).has_value());
  CHECK(seats.term(0) == 0);
}

TEST_CASE("who has just begun gives the others time to be heard") {
  Seats seats(1, 2, 4, true, 10.0);
  CHECK(seats.tick(5000.0).empty());
  CHECK(seats.tick(5009.0).empty());
  CHECK_FALSE(seats.tick(5010.0).empty());
}

TEST_CASE("silence alone moves nothing: a majority must promise, and then hear the claim") {
  Seats seats(1, 2, 4, true, 10.0);
  seats.tick(0.0);
  auto const asked = only<AskPromises>(seats.tick(10.0));
  REQUIRE(asked.size() == 2);  // for the owner's seat, and to go on in its own without its backup
  CHECK(asked[0].request == PromiseRequest{.seat = 0, .term = 1, .from = 0, .shard = 1});
  CHECK_FALSE(seats.is_mine(0));

  CHECK(seats.on_promise(0, vote(1, 1), three_sites, 10.0).empty());
  CHECK(seats.on_promise(0, vote(1, 1), three_sites, 10.0).empty());  // the same site twice
  CHECK(seats.on_promise(7, vote(1, 1), three_sites, 10.0).empty());  // not admitted
  CHECK(only<SeatClaimed>(seats.on_promise(2, vote(1, 1), three_sites, 10.0)).size() == 1);
  CHECK_FALSE(seats.is_mine(0));
  CHECK(seats.news(0).claims);

  CHECK(seats.on_promise(0, vote(1, 1), three_sites, 10.0).empty());  // a promise is not a claim heard
  CHECK(seats.on_promise(1, vote(1, 1, true), three_sites, 10.0).empty());
  CHECK(only<SeatTaken>(seats.on_promise(0, vote(1, 1, true), three_sites, 10.0)).size() == 1);
  CHECK(seats.is_mine(0));
  CHECK_FALSE(seats.news(0).claims);
}

TEST_CASE("one who is heard again is not replaced") {
  Seats seats(1, 2, 4, true, 10.0);
  seats.tick(10.0);
  seats.hear(0, 10.5);
  seats.tick(10.5);
  for (int site : {0, 1, 2})
    CHECK(only<SeatClaimed>(seats.on_promise(site, vote(1, 1), three_sites, 11.0)).empty());
}

TEST_CASE("promises that another has make the owner ask for newer ones") {
  Seats seats(0, 2, 4, true, 10.0);
  seats.hear(1, 0.0);
  auto const asked = only<AskPromises>(seats.on_promise(0, vote(1, 1), three_sites, 1.0));
  REQUIRE(asked.size() == 1);
  CHECK(asked[0].request.term == 2);
  seats.on_promise(1, vote(2, 0), three_sites, 1.0);
  seats.on_promise(2, vote(2, 0), three_sites, 1.0);
  seats.on_promise(1, vote(2, 0, true), three_sites, 1.0);
  CHECK(only<SeatTaken>(seats.on_promise(2, vote(2, 0, true), three_sites, 1.0)).size() == 1);
  CHECK(seats.term(0) == 2);
  CHECK(seats.backup(0) == 1);
}

TEST_CASE("an owner that hears of another's claim, or of its seat taken, owns it no more") {
  Seats seats(0, 2, 4, true, 10.0);
  CHECK(only<SeatLost>(seats.on_promise(0, vote(1, 1, true), three_sites, 1.0)).size() == 1);
  CHECK_FALSE(seats.is_mine(0));

  Seats other(0, 2, 4, true, 10.0);
  Seat const news{.seat = 0, .term = 1, .owner = 1};
  CHECK(only<SeatLost>(other.on_seat(news)).size() == 1);
  CHECK(other.on_seat({.seat = 0, .term = 0, .owner = 0}).empty());  // old news
  CHECK(other.owner(0) == 1);
  CHECK(other.on_seat({.seat = 9, .term = 3, .owner = 1}).empty());  // no such seat
}

TEST_CASE("who holds all of a seat in its newest term can take it over") {
  Seats seats(2, 3, 4, true, 10.0);
  auto const requests_when_lost = [&] {
    for (int const shard : {0, 1}) seats.on_lost(shard);
    std::set<std::pair<std::uint32_t, std::uint64_t>> from;
    for (auto const& asked : only<AskPromises>(seats.tick(0.0)))
      from.emplace(asked.request.seat, asked.request.from);
    return from;
  };
  using From = std::set<std::pair<std::uint32_t, std::uint64_t>>;
  SECTION("it holds nothing of seat 0") { CHECK(requests_when_lost() == From{{1, 0}}); }
  SECTION("it holds all that its first owner has") {
    seats.back_up(0, 0, 0);
    CHECK(requests_when_lost() == From{{0, 0}, {1, 0}});
  }
  SECTION("it holds all of an owner of whom it had not heard as such") {
    seats.back_up(0, 3, 1);
    CHECK(seats.owner(0) == 1);
    seats.on_seat({.seat = 0, .term = 3, .owner = 1});  // the news comes late
    CHECK(requests_when_lost() == From{{0, 3}, {1, 0}});
  }
  SECTION("it held all of a former owner") {
    seats.back_up(0, 0, 0);
    seats.on_seat({.seat = 0, .term = 3, .owner = 1});
    CHECK(requests_when_lost() == From{{1, 0}});
  }
}

TEST_CASE("shards beyond the fragments have no seat") {
  Seats const seats(2, 3, 2, true, 10.0);
  CHECK(seats.size() == 2);
  CHECK(seats.backup(1) == 2);
}
