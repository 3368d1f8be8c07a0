// The search for the lowest point.
#include "sim/fleet/nelder_mead.hpp"

#include "support/catch.hpp"

using namespace atl;

TEST_CASE("the lowest point of a bent valley is found") {
  int taken = 0;
  auto const banana = [&](std::vector<double> const& x) {
    ++taken;
    double const a = 1.0 - x[0], b = x[1] - x[0] * x[0];
    return a * a + 100.0 * b * b;
  };
  auto const best = sim::nelder_mead(banana, {-1.2, 1.0}, 0.5, 300);
  CHECK_THAT(best.at[0], WithinAbs(1.0, 1e-3));
  CHECK_THAT(best.at[1], WithinAbs(1.0, 1e-3));
  CHECK(best.value < 1e-6);
  CHECK(taken <= 300);
  CHECK(taken > 290);
}

TEST_CASE("with few trials the best point seen is the answer") {
  double lowest = 1e9;
  auto const bowl = [&](std::vector<double> const& x) {
    double const value = x[0] * x[0] + x[1] * x[1] + x[2] * x[2];
    lowest = std::min(lowest, value);
    return value;
  };
  CHECK(sim::nelder_mead(bowl, {3.0, 2.0, 1.0}, -0.5, 11).value == lowest);
}
