// What a site's collectives promise.
#include <algorithm>
#include <chrono>
#include <ctime>
#include <span>
#include <thread>
#include <vector>

#include "base/error.hpp"
#include "comm/communicator.hpp"
#include "support/catch.hpp"
#include "support/mpi.hpp"

using namespace atl;
using comm::Communicator;

namespace {

using Vector = std::vector<float>;

}  // namespace

TEST_CASE("the sum is right up to rounding", "[mpi][np3]") {
  auto const comm = Communicator::duplicate(MPI_COMM_WORLD);
  std::size_t const size = 1500000;
  Vector values(size);
  for (std::size_t i = 0; i < size; ++i)
    values[i] = static_cast<float>(i % 1000) + static_cast<float>(comm.rank());
  comm.sum(values);
  bool right = true;
  for (std::size_t i = 0; i < size; ++i)
    right = right && values[i] == 3.0f * static_cast<float>(i % 1000) + 3.0f;
  REQUIRE(test::all_ranks(right));
}

TEST_CASE("a broadcast gives everyone the root's bytes", "[mpi][np3]") {
  auto const comm = Communicator::duplicate(MPI_COMM_WORLD);
  std::size_t const size = (9u << 20) + 5;  // more than one piece
  for (int const root : {0, 2}) {
    std::vector<std::byte> bytes(size, std::byte(comm.rank()));
    comm.broadcast(bytes, root);
    REQUIRE(test::all_ranks(std::ranges::count(bytes, std::byte(root)) == std::ptrdiff_t(size)));
    std::ranges::fill(bytes, std::byte(comm.rank() + 10));
    comm.sleeping_broadcast(std::span(bytes).first(100), root);
    REQUIRE(test::all_ranks(std::ranges::count(bytes, std::byte(root + 10)) ==
                            (comm.rank() == root ? std::ptrdiff_t(size) : 100)));
  }
}

TEST_CASE("an all-gather has everyone's bytes in rank order", "[mpi][np4]") {
  auto const comm = Communicator::duplicate(MPI_COMM_WORLD);
  std::vector<std::byte> const mine(3, std::byte(comm.rank()));
  std::vector<std::byte> expected;
  for (int rank = 0; rank < 4; ++rank) expected.insert(expected.end(), 3, std::byte(rank));
  std::vector<std::byte> all(12);
  comm.all_gather(mine, all);
  REQUIRE(test::all_ranks(all == expected));
  std::ranges::fill(all, std::byte(99));
  comm.sleeping_all_gather(mine, all);
  REQUIRE(test::all_ranks(all == expected));
  REQUIRE_THROWS_AS(comm.all_gather(mine, std::span(all).first(11)), base::RuntimeFailure);
}

TEST_CASE("an empty communicator is a group of one", "[mpi][np1]") {
  Communicator const comm;
  CHECK(comm.rank() == 0);
  CHECK(comm.size() == 1);
  Vector values = {1.0f, 2.0f};
  comm.sum(values);
  comm.broadcast(std::as_writable_bytes(std::span(values)), 0);
  comm.barrier();
  CHECK(values == Vector{1.0f, 2.0f});
  std::vector<std::byte> const mine = {std::byte(5)};
  std::vector<std::byte> all(1);
  comm.all_gather(mine, all);
  CHECK(all == mine);
}

TEST_CASE("a communicator that was moved from is empty, and the other one works", "[mpi][np2]") {
  auto first = Communicator::duplicate(MPI_COMM_WORLD);
  auto second = Communicator::split(MPI_COMM_WORLD, 0, -test::rank());  // ranks in reverse
  REQUIRE(test::all_ranks(second.rank() == 1 - test::rank()));
  second = std::move(first);
  REQUIRE(test::all_ranks(first.get() == MPI_COMM_NULL && first.size() == 1));
  REQUIRE(test::all_ranks(second.rank() == test::rank() && second.size() == 2));
  second.barrier();
}

TEST_CASE("a wait for a slow rank costs little of the core", "[mpi][np2]") {
  auto const comm = Communicator::duplicate(MPI_COMM_WORLD);
  comm.barrier();
  std::clock_t const begin = std::clock();
  if (comm.rank() == 0) std::this_thread::sleep_for(std::chrono::milliseconds(500));
  std::byte byte{};
  comm.sleeping_broadcast({&byte, 1}, 0);
  double const cpu_s = static_cast<double>(std::clock() - begin) / CLOCKS_PER_SEC;
  REQUIRE(test::all_ranks(cpu_s < 0.1));
}

TEST_CASE("an MPI error is thrown with MPI's own words, not fatal", "[mpi][np1]") {
  auto const comm = Communicator::duplicate(MPI_COMM_WORLD);
  std::byte byte{};
  CHECK_THROWS_WITH(comm::check_mpi(MPI_Bcast(&byte, 1, MPI_BYTE, 7, comm.get()), "MPI_Bcast"),
                    ContainsSubstring("MPI_Bcast") && ContainsSubstring("root"));
}

TEST_CASE("every rank brings as much as it likes, and all come out with what each brought", "[mpi][np3]") {
  auto const world = comm::Communicator::duplicate(MPI_COMM_WORLD);
  auto const brought_by = [](int rank) {
    return std::vector<std::byte>(static_cast<std::size_t>(5 * rank), static_cast<std::byte>(rank));
  };
  auto const each = world.all_gather_each(brought_by(test::rank()));
  REQUIRE(test::all_ranks(each.size() == 3));
  for (int rank = 0; rank < 3; ++rank)
    CHECK(test::all_ranks(each[static_cast<std::size_t>(rank)] == brought_by(rank)));
}
