// What sums and spreading by shares promise: the serial sum to the bit, in whatever parts the vector becomes
// known.
#include "comm/shares.hpp"

#include <algorithm>
#include <span>
#include <vector>

#include "base/error.hpp"
#include "mpi/share_cases.hpp"
#include "support/catch.hpp"
#include "support/mpi.hpp"

using namespace atl;
using comm::Communicator;
using comm::Part;
using comm::Shares;
using test::cuts_for;
using test::gradients_of;
using test::parts_backwards;
using test::same_bits;
using test::serial_sum;
using test::Sizes;
using test::Vector;

namespace {

template <class T>
std::span<T> at(std::vector<T>& values, Part part) {
  return std::span(values).subspan(part.offset, part.size);
}

void check_shares() {
  auto const comm = Communicator::duplicate(MPI_COMM_WORLD);
  for (Sizes const& sizes : cuts_for(static_cast<std::size_t>(comm.size()))) {
    std::size_t const size = Shares(sizes).size();
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
