// Leaders and shards that are really killed: who talked to them hears of it, and others can take their
// places.
#include <csignal>

#include "support/catch.hpp"
#include "support/session.hpp"
#include "transport_job.hpp"

using namespace atl;
using test::TransportJob;

namespace {

void die() { std::raise(SIGKILL); }

}  // namespace

TEST_CASE("a leader is killed: its shard hears of it, and serves the others", "[mpi][np3]") {
  if (!comm::knows_losses()) return test::skip("this MPI ends a job that has lost a process");
  TransportJob job;
  job.open();
  if (test::rank() == 1) {
    job.collect(1);
    die();
  }
  if (test::rank() == 0) {
    job->send(test::site(0), test::report(1));
    auto const losses = job.await_loss();
    REQUIRE(losses == std::vector<transport::Loss>{{test::site(0), 0, true}});
    job->send(test::site(0), test::report(2));  // goes nowhere, and harms nobody
    job->send(test::site(1), test::report(3));
  } else {
    auto const frames = job.collect(1);
    CHECK(frames.size() == 1);
    CHECK(job->losses().empty());
  }
  test::go_on_without_the_lost();
}

TEST_CASE("a leader is killed while a large payload is on its way: nothing hangs", "[mpi][np3]") {
  if (!comm::knows_losses()) return test::skip("this MPI ends a job that has lost a process");
  TransportJob job;
  job.open();
  if (test::rank() == 1) {
    for (std::uint64_t i = 0; i < 50; ++i)
      job->send(test::shard(0), test::contribution(i), test::payload_of(2'000'000, 1.0f));
    job.collect(1);
    die();
  }
  if (test::rank() == 0) {
    for (std::uint64_t i = 0; i < 50; ++i)
      job->send(test::site(0), test::release(static_cast<std::uint32_t>(i), i),
                test::payload_of(2'000'000, 1.0f));
    REQUIRE(job.await_loss().size() == 1);
    job->send(test::site(1), test::report(3));
  } else {
    CHECK(job.collect(1, 10.0).size() == 1);
  }
  test::go_on_without_the_lost();
}

TEST_CASE("a shard is killed: leaders and the other shard hear of it", "[mpi][np4]") {
  if (!comm::knows_losses()) return test::skip("this MPI ends a job that has lost a process");
  TransportJob job(2);
  job.open();
  if (test::rank() == 1) die();
  CHECK(job.await_loss() == std::vector<transport::Loss>{{test::shard(1), 0, true}});
  job->send(test::shard(1), test::report(1));
  test::go_on_without_the_lost();
}

// World ranks: shard 0, site 0 (two ranks), site 1 (two ranks).
TEST_CASE("another rank of a site takes the place of its leader", "[mpi][np5]") {
  if (!comm::knows_losses()) return test::skip("this MPI ends a job that has lost a process");
  TransportJob job(1, 2);
  if (test::rank() == 0 || test::rank() == 1 || test::rank() == 3) job.open();
  if (test::rank() == 1) die();
  if (test::rank() == 0) {
    auto const frames = job.collect(1);
    REQUIRE(frames.size() == 1);
    CHECK(frames[0].from == test::site(0));
    job->losses();  // of the first leader, unless the second came before that was known
    job->send(test::site(0), test::report(6));
    CHECK(job.await_loss() == std::vector<transport::Loss>{{test::site(0), 2, true}});
  } else if (test::rank() == 2) {
    job.open_as_successor({.site = 0, .life = 2});
    job->send(test::shard(0), test::report(5));
    CHECK(job.collect(1).size() == 1);
    die();
  }
  test::go_on_without_the_lost();
}
