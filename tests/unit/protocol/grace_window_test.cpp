#include "protocol/grace_window.hpp"

#include "support/catch.hpp"

using namespace atl;
using protocol::GraceWindow;

namespace {

deck::OuterSection adaptive() {
  deck::OuterSection outer;
  outer.grace = deck::GraceKind::adaptive;
  outer.overlap_steps = 4;
  outer.grace_fraction = 0.5;
  outer.grace_floor_steps = 1.0;
  outer.grace_cap_s = 10.0;
  return outer;
}

}  // namespace

TEST_CASE("grace is a fraction of what the overlap leaves") {
  GraceWindow window(adaptive());
  CHECK(window.length_s(2.0) == 4.0);  // 0.5 * (4 * 2 - 0)
  window.saw_quorum(1.0);
  window.saw_adoption(1.0);
  CHECK(window.length_s(2.0) == 3.0);  // 0.5 * (4 * 2 - (1 + 1))
}

TEST_CASE("the first measurement counts whole, later ones half") {
  GraceWindow window(adaptive());
  window.saw_quorum(1.0);
  window.saw_quorum(3.0);
  CHECK(window.length_s(2.0) == 3.0);  // the mean is 2
  window.saw_adoption(0.5);
  window.saw_adoption(1.5);
  CHECK(window.length_s(2.0) == 2.5);  // and 1
}

TEST_CASE("grace is never shorter than one step of the slowest site, however slow the link") {
  GraceWindow window(adaptive());
  window.saw_adoption(100.0);
  CHECK(window.length_s(2.0) == 2.0);
  CHECK(window.length_s(0.25) == 0.25);
}

TEST_CASE("grace is never longer than its cap, even where one step is") {
  GraceWindow const window(adaptive());
  CHECK(window.length_s(8.0) == 10.0);
  CHECK(window.length_s(60.0) == 10.0);
}

TEST_CASE("grace can be a fixed time, or none") {
  auto outer = adaptive();
  outer.grace = deck::GraceKind::fixed;
  outer.grace_s = 0.75;
  CHECK(GraceWindow(outer).length_s(2.0) == 0.75);
  outer.grace = deck::GraceKind::none;
  CHECK(GraceWindow(outer).length_s(2.0) == 0.0);
}
