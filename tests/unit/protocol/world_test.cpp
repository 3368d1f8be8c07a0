// Whole runs, from the first release to the end: several sites, shards and fragments, slow links, silence and return.
#include "world.hpp"

#include "support/catch.hpp"

using namespace atoll;
using namespace atoll::protocol;
using namespace atoll::test;

namespace {

WorldOptions quick() {
  WorldOptions options;
  options.outer.fragments = 3;
  options.outer.interval_steps = 12;
  options.outer.quorum = 1;
  options.outer.in_flight = 2;
  options.outer.dead_after_s = 10.0;
  options.control_delay_s = 0.01;
  options.bulk_delay_s = 0.1;
  return options;
}

}  // namespace

TEST_CASE("two equal sites train to the end, and every step of both is in the outer parameters") {
  auto options = quick();
  options.outer.receive = deck::Receive::rebase;
  World world(options);
  world.run();
  REQUIRE(world.failure() == "");
  REQUIRE(world.is_over());
  CHECK(world.check_end() == "");
  for (int m : {0, 1}) {
    for (int p : {0, 1, 2}) {
      CHECK(world.site(m).ledger(p).unsent == Work{});
      CHECK(world.work_in_theta(m, p).steps == world.site(m).step());
    }
  }
  CHECK(world.seals().size() == 1);
  CHECK(world.seals().at(0).files.size() == 3);
}
