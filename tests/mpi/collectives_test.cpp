// What a site's collectives promise: the right numbers, and for the sum the same bits everywhere and always.
#include <algorithm>
#include <chrono>
#include <cmath>
#include <ctime>
#include <numeric>
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

// Numbers of very different size, so that another order of addition gives other bits.
Vector gradients_of(int rank, std::size_t size) {
  Vector values(size);
  std::uint32_t state = 12345u + static_cast<std::uint32_t>(rank);
  for (float& value : values) {
    state = state * 1664525u + 1013904223u;
    value = std::ldexp(static_cast<float>(state >> 8) - 0x1p23f, static_cast<int>(state >> 28));
  }
  return values;
}

// Rank 0's + rank 1's + ... in float.
Vector serial_sum(int ranks, std::size_t size) {
  Vector sum = gradients_of(0, size);
  for (int rank = 1; rank < ranks; ++rank) {
    Vector const addend = gradients_of(rank, size);
    for (std::size_t i = 0; i < size; ++i) sum[i] += addend[i];
  }
  return sum;
}

bool same_bits(Vector const& a, Vector const& b) {
  return std::ranges::equal(std::as_bytes(std::span(a)), std::as_bytes(std::span(b)));
}

void check_deterministic_sum() {
  auto const comm = Communicator::duplicate(MPI_COMM_WORLD);
  // Nothing, fewer elements than ranks, odd sizes, and more than one block of the exchange.
  for (std::size_t const size : {0u, 1u, 4u, 1000u, 65537u, 2200001u}) {
    INFO(size << " elements");
    Vector const expected = serial_sum(comm.size(), size);
    Vector const mine = gradients_of(comm.rank(), size);
    for (int run = 0; run < 2; ++run) {
      Vector values = mine;
      comm.sum(values, /*deterministic=*/true);
      REQUIRE(test::all_ranks(same_bits(values, expected)));
    }
  }
}

using Sizes = std::vector<std::size_t>;

// Shares of all kinds: nearly equal, all on one rank, empty in between, and longer than a piece of the
// exchange.
std::vector<Sizes> cuts_for(std::size_t ranks) {
  Sizes equal(ranks, 1000), uneven(ranks), last(ranks, 0), alternating(ranks, 0);
  for (std::size_t r = 0; r < ranks; ++r) {
    uneven[r] = 17 + 31 * r * r;
    if (r % 2 == 0) alternating[r] = 5 + r;
  }
  last.back() = 2200001;
  uneven.front() = 2100001;
  return {Sizes(ranks, 0), equal, uneven, last, alternating};
}

std::span<float> share_of(Vector& values, Sizes const& sizes, int rank) {
  auto const begin = std::accumulate(sizes.begin(), sizes.begin() + rank, std::size_t{0});
  return std::span(values).subspan(begin, sizes[static_cast<std::size_t>(rank)]);
}

void check_shares() {
  auto const comm = Communicator::duplicate(MPI_COMM_WORLD);
  for (Sizes const& sizes : cuts_for(static_cast<std::size_t>(comm.size()))) {
    std::size_t const size = std::accumulate(sizes.begin(), sizes.end(), std::size_t{0});
    INFO(size << " elements");
    Vector expected = serial_sum(comm.size(), size);
    Vector values = gradients_of(comm.rank(), size);
    comm.sum_shares(values, sizes);

    // Its own share is summed, and nothing else changed.
    Vector half_way = gradients_of(comm.rank(), size);
    std::ranges::copy(share_of(expected, sizes, comm.rank()), share_of(half_way, sizes, comm.rank()).begin());
    REQUIRE(test::all_ranks(same_bits(values, half_way)));

    comm.gather_shares(values, sizes);
    REQUIRE(test::all_ranks(same_bits(values, expected)));
  }
}

}  // namespace

TEST_CASE("the sum by shares and their gathering are the serial sum, bit for bit, on 1 rank", "[mpi][np1]") {
  check_shares();
}
TEST_CASE("the sum by shares and their gathering are the serial sum, bit for bit, on 2 ranks", "[mpi][np2]") {
  check_shares();
}
TEST_CASE("the sum by shares and their gathering are the serial sum, bit for bit, on 3 ranks", "[mpi][np3]") {
  check_shares();
}
TEST_CASE("the sum by shares and their gathering are the serial sum, bit for bit, on 4 ranks", "[mpi][np4]") {
  check_shares();
}

TEST_CASE("shares that are not the whole vector, or not one a rank, are refused before anything moves",
          "[mpi][np2]") {
  auto const comm = Communicator::duplicate(MPI_COMM_WORLD);
  Vector values(10);
  for (Sizes const& sizes : {Sizes{5, 4}, Sizes{5, 6}, Sizes{10}, Sizes{5, 5, 0}}) {
    CHECK_THROWS_AS(comm.sum_shares(values, sizes), base::RuntimeFailure);
    CHECK_THROWS_AS(comm.gather_shares(values, sizes), base::RuntimeFailure);
  }
}

TEST_CASE("the deterministic sum of 2 ranks is the serial sum in rank order, bit for bit", "[mpi][np2]") {
  check_deterministic_sum();
}
TEST_CASE("the deterministic sum of 3 ranks is the serial sum in rank order, bit for bit", "[mpi][np3]") {
  check_deterministic_sum();
}
TEST_CASE("the deterministic sum of 5 ranks is the serial sum in rank order, bit for bit", "[mpi][np5]") {
  check_deterministic_sum();
}

TEST_CASE("the other sum has the same value up to rounding", "[mpi][np3]") {
  auto const comm = Communicator::duplicate(MPI_COMM_WORLD);
  std::size_t const size = 1500000;
  Vector values(size);
  for (std::size_t i = 0; i < size; ++i)
    values[i] = static_cast<float>(i % 1000) + static_cast<float>(comm.rank());
  comm.sum(values, /*deterministic=*/false);
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
  comm.sum(values, true);
  comm.sum(values, false);
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
