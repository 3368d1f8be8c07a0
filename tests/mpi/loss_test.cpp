// Real processes, killed by a real signal: who needs the lost one hears of it, and the others go on.
#include <chrono>
#include <csignal>
#include <memory>
#include <thread>
#include <vector>

#include "comm/loss_watch.hpp"
#include "comm/shares.hpp"
#include "support/catch.hpp"
#include "support/mpi.hpp"
#include "support/session.hpp"

using namespace atl;

namespace {

// Rank 1 leaves everyone in the middle of what all do together, again and again.
template <class Collective>
void check_that_a_lost_rank_is_noticed(Collective&& collective) {
  if (!comm::knows_losses()) return test::skip("this MPI ends a job that has lost a process");
  auto const site = comm::Communicator::duplicate(MPI_COMM_WORLD);
  collective(site);
  if (test::rank() == 1) std::raise(SIGKILL);
  bool is_noticed = false;
  for (int i = 0; i < 1000 && !is_noticed; ++i) {
    try {
      collective(site);
    } catch (comm::ProcessLost const&) {
      is_noticed = true;
    }
  }
  auto const rest = site.survivors();
  test::go_on_without_the_lost();
  REQUIRE(test::all_ranks(is_noticed));
  REQUIRE(test::all_ranks(rest.size() == test::ranks() - 1));
  REQUIRE(test::all_ranks(rest.rank() == (test::rank() == 0 ? 0 : test::rank() - 1)));
  std::vector<float> ones(1000, 1.0f);
  rest.sum(ones);
  CHECK(test::all_ranks(ones == std::vector<float>(1000, static_cast<float>(rest.size()))));
}

}  // namespace

TEST_CASE("a rank is killed while all sum by shares: the others hear of it and go on", "[mpi][np4]") {
  check_that_a_lost_rank_is_noticed([](comm::Communicator const& site) {
    std::vector<float> values(3'000'000, 1.0f);
    comm::ShareSum sum(site, comm::Shares::equal(values.size(), site.size()));
    sum.begin(values);
    for (std::size_t third = 0; third < 3; ++third) sum.ready({third * 1'000'000, 1'000'000});
    sum.finish();
  });
}

TEST_CASE("a rank is killed while all spread their shares: the others hear of it and go on", "[mpi][np4]") {
  check_that_a_lost_rank_is_noticed([](comm::Communicator const& site) {
    std::vector<float> values(3'000'000, 1.0f);
    comm::ShareSpread spread(site, comm::Shares::equal(values.size(), site.size()));
    spread.begin(values, {{0, values.size()}});
    spread.wait_for({0, 1'000'000});
    spread.finish();
  });
}

TEST_CASE("a rank is killed while all sum by MPI's own sum: the others hear of it and go on", "[mpi][np4]") {
  check_that_a_lost_rank_is_noticed([](comm::Communicator const& site) {
    std::vector<float> values(3'000'000, 1.0f);
    site.sum(values);
  });
}

TEST_CASE("a rank is killed while all gather: the others hear of it and go on", "[mpi][np4]") {
  check_that_a_lost_rank_is_noticed([](comm::Communicator const& site) {
    std::vector<std::byte> const mine(1000);
    std::vector<std::byte> all(mine.size() * static_cast<std::size_t>(site.size()));
    site.all_gather(mine, all);
  });
}

TEST_CASE("a rank is killed while one tells all: the others hear of it and go on", "[mpi][np4]") {
  check_that_a_lost_rank_is_noticed([](comm::Communicator const& site) {
    std::vector<std::byte> bytes(10'000'000);
    site.broadcast(bytes, 3);
  });
}

TEST_CASE("a rank is killed while the others watch for losses: they hear of it and go on", "[mpi][np4]") {
  std::unique_ptr<comm::LossWatch> watch;
  check_that_a_lost_rank_is_noticed([&](comm::Communicator const& site) {
    if (!watch) watch = std::make_unique<comm::LossWatch>(site);
    watch->look();
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  });
}
