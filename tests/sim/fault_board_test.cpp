// Which faults are on, where, and since when nothing is.
#include <cmath>

#include "sim/fault.hpp"
#include "support/catch.hpp"

using namespace atl::sim;

TEST_CASE("a fault of a link befalls its frames in both directions, and no others") {
  FaultBoard board(4);
  Fault const delay{.kind = FaultKind::delay, .node = 0, .other = 3, .strength = 2.5};
  board.begin(delay, 1.0);
  CHECK(board.strength(FaultKind::delay, 0, 3) == 2.5);
  CHECK(board.strength(FaultKind::delay, 3, 0) == 2.5);
  CHECK(board.strength(FaultKind::delay, 1, 3) == 0.0);
  CHECK(board.strength(FaultKind::damage, 0, 3) == 0.0);
  board.end(delay, 2.0);
  CHECK(board.strength(FaultKind::delay, 0, 3) == 0.0);
}

TEST_CASE("a node that is cut off reaches nobody, the others each other") {
  FaultBoard board(3);
  Fault const off{.kind = FaultKind::partition, .node = 1};
  board.begin(off, 0.0);
  CHECK(board.is_cut(1, 2));
  CHECK(board.is_cut(0, 1));
  CHECK_FALSE(board.is_cut(0, 2));
  board.end(off, 1.0);
  CHECK_FALSE(board.is_cut(1, 2));
}

TEST_CASE("two faults of a kind at one node end one by one") {
  FaultBoard board(2);
  Fault const first{.kind = FaultKind::slow, .from_s = 1.0, .node = 0, .strength = 2.0};
  Fault const second{.kind = FaultKind::slow, .from_s = 2.0, .node = 0, .strength = 5.0};
  board.begin(first, 1.0);
  board.begin(second, 2.0);
  CHECK(board.slowdown(0) == 5.0);
  board.end(second, 3.0);
  CHECK(board.slowdown(0) == 2.0);
  CHECK(std::isinf(board.clean_since_s(0)));
  board.end(first, 4.0);
  CHECK(board.clean_since_s(0) == 4.0);
  CHECK(board.clean_since_s(1) == 0.0);
}

TEST_CASE(
    "a message has met a fault that was over before it arrived, not one that was over before it was sent") {
  FaultBoard board(2);
  Fault const stall{.kind = FaultKind::stall, .node = 1};
  board.begin(stall, 1.0);
  board.end(stall, 2.0);
  CHECK(board.since(1.5, 0, 1) == mask_of(FaultKind::stall));
  CHECK(board.since(2.5, 0, 1) == 0);
}
