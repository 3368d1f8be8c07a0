// How tests that run as an MPI job are written: the rank count is a tag, and every rank runs the case.
//
// MPI is running (test::runtime()), each case has a working folder of its own, and all that differs between
// ranks is checked through all_ranks(): a check that fails on one rank alone would leave the others waiting.
#include <dlfcn.h>
#include <mpi.h>

#include <filesystem>

#include "support/catch.hpp"
#include "support/mpi.hpp"

using namespace atl;

TEST_CASE("a case runs on as many ranks as its tag says", "[mpi][np3]") {
  REQUIRE(test::ranks() == 3);
  int sum = test::rank();
  MPI_Allreduce(MPI_IN_PLACE, &sum, 1, MPI_INT, MPI_SUM, MPI_COMM_WORLD);
  REQUIRE(test::all_ranks(sum == 0 + 1 + 2));
}

TEST_CASE("what fails on one rank fails on all", "[mpi][np2]") {
  REQUIRE_FALSE(test::all_ranks(test::rank() != 1));
  REQUIRE(test::all_ranks(true));
}

TEST_CASE("the ranks above 0 write logs in the working folder", "[mpi][np2]") {
  MPI_Barrier(MPI_COMM_WORLD);  // rank 1 has begun
  REQUIRE(test::all_ranks(std::filesystem::exists("rank_1.log")));
}

TEST_CASE("the MPI library is the one of the build, though another has the same name", "[mpi][np1]") {
  Dl_info library{};
  REQUIRE(dladdr(reinterpret_cast<void const*>(&MPI_Init_thread), &library) != 0);
  REQUIRE(std::filesystem::equivalent(std::filesystem::path(library.dli_fname).parent_path(),
                                      ATOLL_TEST_MPI_FOLDER));
}
