// The published table of bandwidths, and links that are too slow or fast enough.
#include "sim/fleet/bandwidth.hpp"

#include "deck/reading.hpp"
#include "sim/fleet/keys.hpp"
#include "support/catch.hpp"

using namespace atl;

namespace {

sim::BandwidthConfig config(std::vector<std::string> const& overrides = {}) {
  std::string const file = ATOLL_TEST_INPUTS_FOLDER "/sim/bandwidth.toml";
  return sim::parse_bandwidth(deck::read_text(file), file, overrides);
}

}  // namespace

TEST_CASE("each simulated bandwidth is within a quarter of the published one") {
  auto const cells = sim::simulate_bandwidth(config());
  REQUIRE(cells.size() == 25);
  int same = 0;  // the next bandwidth that is tried is 21 % away; published figures are rounded
  for (auto const& cell : cells) {
    INFO(cell.method << " at " << cell.utilisation);
    REQUIRE(cell.gbit_s);
    CHECK_THAT(*cell.gbit_s, WithinRel(*cell.published, 0.25));
    same += std::abs(*cell.gbit_s / *cell.published - 1.0) < 0.1;
  }
  CHECK(same >= 23);
}

TEST_CASE("a link that is fast enough costs nothing, and a faster one never more") {
  auto const model = config().bandwidth;
  for (auto const& plan : sim::exchange_plans(model)) {
    INFO(plan.method);
    CHECK_THAT(sim::utilisation(model, plan, 1e9), WithinAbs(1.0, 1e-6));
    double last = 0.0;
    for (double gbit_s = 0.01; gbit_s < 1e4; gbit_s *= 2.0) {
      double const now = sim::utilisation(model, plan, gbit_s);
      CHECK(now >= last - 1e-12);
      last = now;
    }
  }
}

TEST_CASE("on a very slow link the time is that of the bytes") {
  auto const model = config().bandwidth;
  double const gbit = model.parameters * model.bits / 1e9, gbit_s = 0.001;
  for (auto const& plan : sim::exchange_plans(model)) {
    INFO(plan.method);
    double const reduction_s = gbit / gbit_s * plan.bits / model.bits;
    double const compute_s = model.step_s * static_cast<double>(plan.interval_steps);
    CHECK_THAT(sim::utilisation(model, plan, gbit_s), WithinRel(compute_s / reduction_s, 0.02));
  }
}

TEST_CASE("the last layer's reduction hides behind the backward pass, the first one's does not") {
  // One layer: nothing to hide behind. Two: half of the bytes move during the other layer's backward pass.
  auto const once = [](int layers) {
    sim::BandwidthSection const model{
        .layers = layers, .parameters = 1e9, .step_s = 1.0, .fragment_layers = 1};
    return sim::utilisation(model, {.method = "data parallel"}, 16.0);  // the whole model in one second
  };
  CHECK_THAT(once(1), WithinRel(0.5, 1e-9));
  // Nodes of 0.2 s: forward 2, then 0.4 of backward and parameters, then 0.5 hides 0.2 of the first layer's.
  CHECK_THAT(once(2), WithinRel(1.0 / (0.8 + 1.0), 1e-9));
}
