// What sums and spreading by shares promise: the serial sum to the bit, in whatever parts the vector becomes
// known.
#include "comm/shares.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <span>
#include <vector>

#include "base/error.hpp"
#include "support/catch.hpp"
#include "support/mpi.hpp"

using namespace atl;
using comm::Communicator;
using comm::Part;
using comm::Shares;

namespace {

using Vector = std::vector<float>;
using Sizes = std::vector<std::size_t>;

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

bool same_bits(std::span<float const> a, std::span<float const> b) {
  return std::ranges::equal(std::as_bytes(a), std::as_bytes(b));
}

// Shares of all kinds: nearly equal, all on one rank, empty in between, and longer than what is received at
// once.
std::vector<Sizes> cuts_for(std::size_t ranks) {
  Sizes equal(ranks, 1000), uneven(ranks), last(ranks, 0), alternating(ranks, 0);
  for (std::size_t r = 0; r < ranks; ++r) {
    uneven[r] = 17 + 31 * r * r;
    if (r % 2 == 0) alternating[r] = 5 + r;
  }
  last.back() = 2700001;
  uneven.front() = 2600001;
  return {Sizes(ranks, 0), equal, uneven, last, alternating};
}

// The vector in parts, from its end to its begin, as gradients become known.
std::vector<Part> parts_backwards(std::size_t size, std::size_t part) {
  std::vector<Part> parts;
  for (std::size_t end = size; end > 0;) {
    std::size_t const begin = end > part ? end - part : 0;
    parts.push_back({begin, end - begin});
    end = begin;
  }
  return parts;
}

template <class T>
std::span<T> at(std::vector<T>& values, Part part) {
  return std::span(values).subspan(part.offset, part.size);
}

void check_shares() {
  auto const comm = Communicator::duplicate(MPI_COMM_WORLD);
  for (Sizes const& sizes : cuts_for(static_cast<std::size_t>(comm.size()))) {
    std::size_t const size = std::accumulate(sizes.begin(), sizes.end(), std::size_t{0});
    Vector expected = serial_sum(comm.size(), size);
    Vector const mine = gradients_of(comm.rank(), size);
    comm::ShareSum sum(comm, Shares(sizes));
    comm::ShareSpread spread(comm, Shares(sizes));
    for (std::size_t const part : {size, size / 3 + 1, std::size_t{300007}}) {
      INFO(size << " elements in parts of " << part);
      auto const parts = parts_backwards(size, std::max<std::size_t>(1, part));

      // What is not told of yet may still be written to.
      Vector values(size, 0.0f);
      sum.begin(values);
      for (Part const known : parts) {
        std::copy_n(mine.begin() + static_cast<std::ptrdiff_t>(known.offset), known.size,
                    at(values, known).begin());
        sum.ready(known);
      }
      sum.finish();

      // The own share is summed, and nothing else changed.
      Part const own = Shares(sizes).of(comm.rank(), {0, size});
      Vector half_way = mine;
      std::ranges::copy(at(expected, own), at(half_way, own).begin());
      REQUIRE(test::all_ranks(same_bits(values, half_way)));

      // What was waited for is there, whatever else is still on its way.
      spread.begin(values, parts);
      for (Part const needed : parts) {
        spread.wait_for(needed);
        CHECK(same_bits(at(values, needed), at(expected, needed)));
      }
      spread.finish();
      spread.finish();
      REQUIRE(test::all_ranks(same_bits(values, expected)));
    }
  }
}

}  // namespace

TEST_CASE("sums by shares, and spread, are the serial sum, bit for bit, on 1 rank", "[mpi][np1]") {
  check_shares();
}
TEST_CASE("sums by shares, and spread, are the serial sum, bit for bit, on 2 ranks", "[mpi][np2]") {
  check_shares();
}
TEST_CASE("sums by shares, and spread, are the serial sum, bit for bit, on 3 ranks", "[mpi][np3]") {
  check_shares();
}
TEST_CASE("sums by shares, and spread, are the serial sum, bit for bit, on 5 ranks", "[mpi][np5]") {
  check_shares();
}

TEST_CASE("shares that are not the whole vector, or not one a rank, are refused before anything moves",
          "[mpi][np2]") {
  auto const comm = Communicator::duplicate(MPI_COMM_WORLD);
  Vector values(10);
  for (Sizes const& sizes : {Sizes{5, 4}, Sizes{5, 6}}) {
    comm::ShareSum sum(comm, Shares(sizes));
    CHECK_THROWS_AS(sum.begin(values), base::RuntimeFailure);
    comm::ShareSpread spread(comm, Shares(sizes));
    CHECK_THROWS_AS(spread.begin(values, {{0, 10}}), base::RuntimeFailure);
  }
  for (Sizes const& sizes : {Sizes{10}, Sizes{5, 5, 0}}) {
    CHECK_THROWS_AS(comm::ShareSum(comm, Shares(sizes)), base::RuntimeFailure);
    CHECK_THROWS_AS(comm::ShareSpread(comm, Shares(sizes)), base::RuntimeFailure);
  }
  comm::ShareSum sum(comm, Shares(Sizes{5, 5}));
  sum.begin(values);
  CHECK_THROWS_AS(sum.finish(), base::RuntimeFailure);  // nothing was told of
}
