// The published table of goodput, from the deck that reproduces it.
#include "sim/fleet/goodput.hpp"

#include "base/error.hpp"
#include "deck/reading.hpp"
#include "sim/fleet/keys.hpp"
#include "support/catch.hpp"

using namespace atl;

namespace {

sim::GoodputConfig config(std::vector<std::string> const& overrides = {}) {
  std::string const file = ATOLL_TEST_INPUTS_FOLDER "/sim/goodput.toml";
  return sim::parse_goodput(deck::read_text(file), file, overrides);
}

void ignore(double) {}

}  // namespace

TEST_CASE("times that fit data parallelism predict decoupled fleets they were not fitted to") {
  int compared = 0, within_3 = 0;
  for (auto const& cell : sim::simulate_goodput(config({"goodput.failures=40000"}), ignore)) {
    INFO(cell.sites << " sites of " << cell.chips << " chips: " << cell.result.goodput << ", published "
                    << *cell.published);
    CHECK(std::abs(cell.off()) <= (cell.scheme == sim::Scheme::decoupled ? 0.06 : 0.04));
    if (cell.scheme != sim::Scheme::decoupled) continue;
    ++compared;
    within_3 += std::abs(cell.off()) <= 0.03;
    if (cell.sites >= 4) CHECK(cell.result.uptime >= 0.999);
  }
  CHECK(compared == 20);
  CHECK(within_3 >= 18);
}

TEST_CASE("more sites of the same chips never train less") {
  auto const cells = sim::simulate_goodput(config({"goodput.failures=20000"}), ignore);
  for (std::size_t i = 5; i < cells.size(); ++i)
    CHECK(cells[i].result.goodput > cells[i - 5].result.goodput - 0.002);
}

TEST_CASE("the fit finds the times that made a table, and looks at no decoupled cell") {
  auto made =
      config({"goodput.failures=40000", "fleet.shrink_s=12", "fleet.regrow_s=5", "fleet.return_s=90"});
  auto const cells = sim::simulate_goodput(made, ignore);
  auto& published = made.goodput;
  for (std::size_t i = 0; i < 5; ++i) {
    published.published_rigid[i] = 100.0 * cells[i].result.goodput;
    published.published_elastic[i] = 100.0 * cells[i + 5].result.goodput;
  }
  published.published_decoupled.assign(published.published_decoupled.size(), 0.0);
  made.fleet.shrink_s = made.fleet.regrow_s = 8.0;
  made.fleet.return_s = 60.0;
  auto const found = sim::fit_times(made, ignore);
  CHECK(found.rms < 0.005);
  CHECK_THAT(found.fleet.return_s + found.fleet.regrow_s, WithinRel(95.0, 0.03));
  CHECK_THAT(found.fleet.shrink_s, WithinRel(12.0, 0.25));
}

TEST_CASE("without published rows there is nothing to fit to") {
  auto bare = config();
  bare.goodput.published_elastic.clear();
  CHECK_THROWS_AS(sim::fit_times(bare, ignore), base::InputError);
}
