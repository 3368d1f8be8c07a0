// Links of a fleet: what they carry takes its time, in order; what waits may be replaced.
#include "sim/fleet/fleet_post.hpp"

#include "support/catch.hpp"

using namespace atl;
using namespace atl::sim;
using namespace atl::protocol;

namespace {

// A second for a gigabit, and one for the way.
struct Link {
  EventQueue events;
  FleetPost post{{.delay_ms = 1000.0, .bandwidth_gbit_s = 1.0}, 0.0, 2, events};

  void wait_until(double time_s) {
    events.plan(time_s, Event::Kind::timer, 0);
    events.next();
  }
  std::vector<SiteEvent> collect(int site) {
    std::vector<SiteEvent> found;
    post.collect(site, found);
    return found;
  }
};

HeldRelease release(std::uint32_t fragment, std::uint64_t commits) {
  return {.release = {.fragment = fragment, .version = {.commits = commits}}, .payload = 1};
}

}  // namespace

TEST_CASE("a release takes the link for its bits; a pull overtakes it") {
  Link link;
  link.post.release(0, release(0, 1), 2e9);
  link.post.to_site(0, Pull{});
  link.wait_until(1.0);
  auto const first = link.collect(0);
  REQUIRE(first.size() == 1);
  CHECK(std::holds_alternative<Pull>(first[0]));
  link.wait_until(2.9);
  CHECK(link.collect(0).empty());
  link.wait_until(3.0);
  CHECK(link.collect(0).size() == 1);
  CHECK(link.post.bits_moved() == 2e9);
}

TEST_CASE("a release that has not left yet is replaced by a newer one of its fragment, and only that") {
  Link link;
  link.post.release(0, release(0, 1), 1e9);  // leaves at once
  link.post.release(0, release(0, 2), 1e9);
  link.post.release(0, release(0, 3), 1e9);
  link.post.release(0, release(1, 3), 1e9);
  link.wait_until(9.0);
  auto const found = link.collect(0);
  REQUIRE(found.size() == 3);
  CHECK(std::get<HeldRelease>(found[0]).release.version.commits == 1);
  CHECK(std::get<HeldRelease>(found[1]).release.version.commits == 3);
  CHECK(std::get<HeldRelease>(found[2]).release.fragment == 1);
}

TEST_CASE("what is on its way to a site that is lost is lost with it; others have links of their own") {
  Link link;
  link.post.release(0, release(0, 1), 1e9);
  link.post.release(1, release(0, 1), 1e9);
  link.post.lose(0);
  link.wait_until(2.0);
  CHECK(link.collect(0).empty());
  CHECK(link.collect(1).size() == 1);
}

TEST_CASE("contributions of a site reach the syncer one after the other") {
  Link link;
  link.post.to_syncer(0, Contribution{.fragment = 0}, 1e9);
  link.post.to_syncer(0, Contribution{.fragment = 1}, 1e9);
  for (std::uint32_t fragment : {0, 1}) {
    auto const event = link.events.next();
    CHECK(event.time_s == Approx(2.0 + fragment));
    auto const mail = link.post.take(event.who);
    CHECK(std::get<Contribution>(mail.message).fragment == fragment);
  }
}
