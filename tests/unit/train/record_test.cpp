#include "train/record.hpp"

#include "support/catch.hpp"

using namespace atl;
using namespace atl::train;

namespace {

// A communicator of one rank, without MPI.
Record exchange(RankShare const& share, std::deque<protocol::SiteEvent>& pending) {
  comm::Communicator const alone;
  return exchange_record(alone, share, pending, /*idle=*/false);
}

}  // namespace

TEST_CASE("a record holds the mean loss and the norm of what the ranks measured") {
  std::deque<protocol::SiteEvent> none;
  auto const record = exchange({.loss_sum = 12.0, .squared_norm = 9.0, .step_s = 0.5, .targets = 4}, none);
  CHECK(record.loss == 3.0);
  CHECK(record.grad_norm == 3.0);
  CHECK(record.tokens == 4);
  CHECK(record.step_s == 0.5);
  CHECK_FALSE(record.stop_requested);
}

TEST_CASE("events come out of a record as they went in, with the payload's handle") {
  protocol::HeldRelease const held{
      .release = {.fragment = 3, .round = 7, .version = {0, 2}, .fate = {6, protocol::Outcome::merged, {}}},
      .payload = 42};
  protocol::Pull const pull{.fragment = 1, .round = 5, .fate = {}};
  std::deque<protocol::SiteEvent> pending{held, pull,
                                          protocol::Hold{.id = 9, .purpose = protocol::Purpose::stop}};
  auto const record = exchange({}, pending);
  CHECK(pending.empty());
  REQUIRE(record.events.size() == 3);
  CHECK(std::get<protocol::HeldRelease>(record.events[0]).release == held.release);
  CHECK(std::get<protocol::HeldRelease>(record.events[0]).payload == 42);
  CHECK(std::get<protocol::Pull>(record.events[1]) == pull);
  CHECK(std::get<protocol::Hold>(record.events[2]).purpose == protocol::Purpose::stop);
}

TEST_CASE("events that do not fit wait for the next record, in order") {
  std::deque<protocol::SiteEvent> pending;
  for (std::uint64_t round = 1; round <= 500; ++round)
    pending.emplace_back(protocol::Pull{.fragment = 0, .round = round, .fate = {}});
  std::uint64_t expected = 1;
  int records = 0;
  for (; !pending.empty(); ++records) {
    for (auto const& event : exchange({}, pending).events)
      CHECK(std::get<protocol::Pull>(event).round == expected++);
  }
  CHECK(expected == 501);
  CHECK(records > 1);
}
