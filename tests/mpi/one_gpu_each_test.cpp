// Ranks of a site that share a GPU are told so, by name, and everyone alike. No GPU is needed for it.
#include "comm/one_gpu_each.hpp"

#include "base/error.hpp"
#include "support/catch.hpp"
#include "support/mpi.hpp"

using namespace atl;

TEST_CASE("ranks of a site that share a GPU are named to all of them", "[mpi][np4]") {
  auto const site = comm::Communicator::duplicate(MPI_COMM_WORLD);
  bool const is_on_first = test::rank() == 1 || test::rank() == 3;
  std::string message;
  try {
    comm::check_one_gpu_each(
        site, is_on_first ? "0000:17:00.0" : "0000:9" + std::to_string(test::rank()) + ":00.0");
  } catch (base::InputError const& error) {
    message = error.what();
  }
  INFO(message);
  REQUIRE(test::all_ranks(message.find("ranks 1, 3 share GPU 0000:17:00.0 of node ") != message.npos));
  REQUIRE(test::all_ranks(message.find("sites.ranks") != message.npos));
  REQUIRE(test::all_ranks(message.find('\n') == message.npos));
}

TEST_CASE("ranks of a site on a GPU each, and sites that share one, are let through", "[mpi][np2]") {
  auto const world = comm::Communicator::duplicate(MPI_COMM_WORLD);
  REQUIRE_NOTHROW(comm::check_one_gpu_each(world, "0000:0" + std::to_string(test::rank()) + ":00.0"));
  auto const alone = comm::Communicator::split(MPI_COMM_WORLD, test::rank(), 0);
  REQUIRE_NOTHROW(comm::check_one_gpu_each(alone, "0000:17:00.0"));
}
