// When frames arrive over a modelled link, in virtual time.
#include "transport/modelled_link.hpp"

#include "support/catch.hpp"

using namespace atl;
using transport::LinkModel;
using transport::ModelledLink;

namespace {

constexpr bool control = false, bulk = true;

}  // namespace

TEST_CASE("without delay and bandwidth a link is off, and everything arrives at once") {
  ModelledLink link(LinkModel{});
  CHECK_FALSE(link.is_on());
  CHECK(link.send(bulk, 1'000'000'000, 5.0) == 5.0);
  CHECK(link.is_free(bulk, 5.0));
}

TEST_CASE("a delay holds every frame as long, and many are on their way at once") {
  ModelledLink link({.delay_s = 0.25});
  CHECK(link.send(bulk, 1000, 1.0) == 1.25);
  CHECK(link.is_free(bulk, 1.0));
  CHECK(link.send(bulk, 1000, 1.0) == 1.25);
  CHECK(link.send(control, 10, 1.125) == 1.375);
}

TEST_CASE("bandwidth sends bulk frames one after the other, and an idle link saves nothing up") {
  ModelledLink link({.delay_s = 0.5, .bytes_per_s = 1000.0});
  CHECK(link.send(bulk, 2000, 10.0) == 12.5);
  CHECK_FALSE(link.is_free(bulk, 11.75));
  CHECK(link.is_free(bulk, 12.0));
  CHECK(link.send(bulk, 1000, 11.0) == 13.5);
  CHECK(link.send(bulk, 1000, 100.0) == 101.5);
}

TEST_CASE("a control frame passes a bulk frame that takes seconds, and the next bulk frame pays for it") {
  ModelledLink link({.delay_s = 0.0, .bytes_per_s = 1000.0});
  CHECK(link.send(bulk, 8000, 0.0) == 8.0);
  CHECK(link.is_free(control, 1.0));
  CHECK(link.send(control, 250, 1.0) == 1.25);
  CHECK(link.send(control, 250, 1.0) == 1.5);
  CHECK_FALSE(link.is_free(bulk, 8.25));
  CHECK(link.send(bulk, 1000, 8.0) == 9.5);
}
