// Decks of simulations: what must hold between their keys.
#include "sim/fleet/keys.hpp"

#include <filesystem>
#include <fstream>

#include "base/error.hpp"
#include "support/catch.hpp"

using namespace atl;

namespace {

template <class Parse>
std::vector<base::Problem> problems(Parse parse, std::string const& text) {
  try {
    parse(text, "d.toml", std::vector<std::string>{});
  } catch (base::InputError const& error) {
    return error.problems();
  }
  return {};
}

template <class Parse>
void check_refused(Parse parse, std::string const& text, std::string const& where, std::string const& what) {
  INFO(text);
  auto const found = problems(parse, text);
  REQUIRE(found.size() == 1);
  CHECK(found[0].where == where);
  CHECK_THAT(found[0].what, ContainsSubstring(what));
}

}  // namespace

TEST_CASE("a simulation's deck is read as a run's is: everything that is wrong, where it is") {
  auto const found = problems(sim::parse_goodput, "[fleet]\nslicse = 2\nspares = -1\n[godput]\nsites = 2\n");
  REQUIRE(found.size() == 3);
  CHECK(found[0].where == "d.toml:2:1");
  CHECK_THAT(found[0].remedy, ContainsSubstring("slices"));
  CHECK(found[1].where == "d.toml:3:1");
  CHECK(found[2].where == "d.toml:4:2");
  CHECK_THAT(found[2].remedy, ContainsSubstring("goodput"));
}

TEST_CASE("published figures must be as many as there are cells") {
  check_refused(sim::parse_goodput, "[goodput]\nchips = [100, 200]\npublished_rigid = [50]\nsites = 2\n",
                "d.toml:3:1", "goodput.published_rigid has 1 figures, goodput.chips asks for 2");
  check_refused(sim::parse_goodput,
                "[goodput]\nchips = 100\nsites = [2, 4]\npublished_decoupled = [50, 60, 70]\n", "d.toml:4:1",
                "has 3 figures, goodput.sites asks for 2");
  check_refused(sim::parse_bandwidth, "[bandwidth]\npublished_coded = [1.0]\n", "d.toml:2:1",
                "has 1 figures");
}

TEST_CASE("fleets that cannot be are refused") {
  check_refused(sim::parse_goodput, "[goodput]\nchips = 100\nsites = 32\n", "d.toml:2:1",
                "100 chips in 32 sites are too few for 4 slices each");
  check_refused(sim::parse_goodput, "[fleet]\nscavenged = 3\n", "d.toml:2:1",
                "more than the sites of a fleet");
  check_refused(sim::parse_bandwidth, "[bandwidth]\nfragment_layers = 30\n", "d.toml:2:1", "30 of 24 layers");
  check_refused(sim::parse_bandwidth, "[bandwidth]\nlowest_gbit_s = 2000\n", "d.toml:2:1", "is not below");
}

TEST_CASE("the decks of fleets in inputs have a comment on every line, and say the same when echoed") {
  std::filesystem::path const folder(ATOLL_TEST_INPUTS_FOLDER "/sim");
  for (auto const* name : {"goodput.toml", "bandwidth.toml"}) {
    std::ifstream in(folder / name);
    for (std::string line; std::getline(in, line);)
      if (line.find('=') != line.npos) CHECK_THAT(line, ContainsSubstring("# "));
  }
  auto const goodput = sim::parse_goodput(deck::read_text(folder / "goodput.toml"), "goodput.toml", {});
  CHECK(sim::parse_goodput(sim::goodput_keys().echo(goodput), "echo", {}) == goodput);
  auto const bandwidth =
      sim::parse_bandwidth(deck::read_text(folder / "bandwidth.toml"), "bandwidth.toml", {});
  CHECK(sim::parse_bandwidth(sim::bandwidth_keys().echo(bandwidth), "echo", {}) == bandwidth);
}
