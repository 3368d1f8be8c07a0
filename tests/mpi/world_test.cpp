// How the world is split into shards and sites.
#include "comm/world.hpp"

#include "support/catch.hpp"
#include "support/mpi.hpp"

using namespace atl;
using comm::Role;

namespace {

comm::World split(int shards, int sites, std::vector<int> ranks,
                  deck::Method method = deck::Method::decoupled) {
  deck::RunConfig config;
  config.syncer.ranks = shards;
  config.sites.count = sites;
  config.sites.ranks = std::move(ranks);
  config.run.method = method;
  return {test::runtime(), comm::SiteLayout(config, test::ranks())};
}

}  // namespace

TEST_CASE("a site's ranks share a communicator, and shards have none", "[mpi][np5]") {
  auto const world = split(2, 2, {1, 2});
  std::vector<Role> const roles = {Role::shard, Role::shard, Role::site, Role::site, Role::site};
  std::vector<int> const sizes = {1, 1, 1, 2, 2};
  std::vector<int> const site_ranks = {0, 0, 0, 0, 1};
  auto const me = static_cast<std::size_t>(test::rank());
  REQUIRE(test::all_ranks(world.here.role == roles[me]));
  REQUIRE(test::all_ranks(world.site.size() == sizes[me]));
  REQUIRE(test::all_ranks(world.site.rank() == site_ranks[me] && world.here.rank == site_ranks[me]));
  REQUIRE(test::all_ranks((world.site.get() == MPI_COMM_NULL) == (world.here.role == Role::shard)));
}

TEST_CASE("with data_parallel all training ranks share one communicator", "[mpi][np3]") {
  auto const world = split(1, 2, {1}, deck::Method::data_parallel);
  REQUIRE(test::all_ranks(world.site.size() == (test::rank() == 0 ? 1 : 2)));
}

TEST_CASE("control and bulk span the world and do not see each other's messages", "[mpi][np3]") {
  auto const world = split(1, 2, {1});
  REQUIRE(test::all_ranks(world.control.size() == 3 && world.bulk.size() == 3));
  int const next = (test::rank() + 1) % 3;
  int const previous = (test::rank() + 2) % 3;
  int on_bulk = 100 + test::rank();
  int on_control = 200 + test::rank();
  MPI_Request requests[2];
  MPI_Isend(&on_bulk, 1, MPI_INT, next, 0, world.bulk.get(), &requests[0]);
  MPI_Isend(&on_control, 1, MPI_INT, next, 0, world.control.get(), &requests[1]);
  int received = 0;
  MPI_Recv(&received, 1, MPI_INT, previous, 0, world.control.get(), MPI_STATUS_IGNORE);
  bool const right_control = received == 200 + previous;
  MPI_Recv(&received, 1, MPI_INT, previous, 0, world.bulk.get(), MPI_STATUS_IGNORE);
  MPI_Waitall(2, requests, MPI_STATUSES_IGNORE);
  REQUIRE(test::all_ranks(right_control && received == 100 + previous));
}

TEST_CASE("ranks are counted on their node", "[mpi][np3]") {  // there is but one here
  REQUIRE(test::all_ranks(test::runtime().number_on_node() == test::rank()));
}

TEST_CASE("every rank gets the text of rank 0", "[mpi][np3]") {
  std::string const long_text(100000, 'x');
  CHECK(test::runtime().broadcast_text(test::rank() == 0 ? long_text : "mine") == long_text);
  CHECK(test::runtime().broadcast_text(test::rank() == 0 ? "" : "mine").empty());
}

TEST_CASE("ranks that name the same thing know how many they are, and what they ask of it", "[mpi][np4]") {
  auto const amount = static_cast<std::uint64_t>(test::rank()) + 1;
  auto const company = test::runtime().company(test::rank() == 3   ? ""
                                               : test::rank() == 1 ? "B"
                                                                   : "A",
                                               amount);
  CHECK(company.ranks == (test::rank() % 2 == 0 ? 2 : 1));
  CHECK(company.amount == (test::rank() % 2 == 0 ? 4 : amount));  // 1 + 3
}

TEST_CASE("the MPI library is described with what it can contain", "[mpi][np1]") {
  CHECK_THAT(comm::describe_mpi(), ContainsSubstring("ULFM"));
}
