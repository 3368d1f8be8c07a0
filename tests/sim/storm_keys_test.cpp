// Storm decks: what is wrong is said, and the decks of inputs/sim are right.
#include <filesystem>
#include <fstream>

#include "base/error.hpp"
#include "deck/reading.hpp"
#include "sim/keys.hpp"
#include "sim/storm.hpp"
#include "support/catch.hpp"

using namespace atl;

namespace {

std::vector<base::Problem> problems(std::string const& text) {
  try {
    sim::parse_storm(text, "d.toml", {});
  } catch (base::InputError const& error) {
    return error.problems();
  }
  return {};
}

}  // namespace

TEST_CASE("ranges rise, and everything that is wrong with a storm deck is said at once") {
  auto const found = problems("[storm]\nsites = [9, 2]\nstep_s = [0.5, 0.5]\n[faults]\nlos = 1.0\n");
  REQUIRE(found.size() == 2);
  CHECK(found[0].where == "d.toml:2:1");
  CHECK(found[1].where == "d.toml:5:1");
  CHECK_THAT(found[1].remedy, ContainsSubstring("loss"));
}

TEST_CASE("methods in step take no faults that would end them, and data_parallel has no protocol") {
  CHECK(problems("[storm]\nmethod = \"diloco\"\n[faults]\nloss = 0\ndamage = 0\npoison = 0\n").empty());
  CHECK(problems("[storm]\nmethod = [\"decoupled\", \"diloco\"]\n").size() == 1);
  CHECK(problems("[storm]\nmethod = \"data_parallel\"\n").size() == 1);
}

TEST_CASE("the storm decks in inputs have a comment on every line, and say the same when echoed") {
  std::filesystem::path const folder(ATOLL_TEST_INPUTS_FOLDER "/sim");
  for (auto const* name : {"storm.toml", "streaming.toml", "diloco.toml"}) {
    std::ifstream in(folder / name);
    for (std::string line; std::getline(in, line);)
      if (line.find('=') != line.npos) CHECK_THAT(line, ContainsSubstring("# "));
    auto const config = sim::parse_storm(deck::read_text(folder / name), name, {});
    CHECK(sim::parse_storm(sim::storm_keys().echo(config), "echo", {}) == config);
  }
}

TEST_CASE("seeds draw runs within the deck's ranges, long enough and with enough faults") {
  sim::StormConfig const config;
  for (std::uint64_t seed = 1; seed <= 300; ++seed) {
    auto const scenario = sim::draw_scenario(config, seed);
    INFO(scenario.text());
    CHECK(scenario.layout.sites >= 2);
    CHECK(scenario.layout.sites <= 16);
    CHECK(scenario.layout.shards <= 4);
    CHECK(scenario.outer.fragments <= static_cast<int>(scenario.outer.interval_steps));
    CHECK(scenario.outer.quorum >= 1);
    CHECK(scenario.outer.quorum <= scenario.layout.sites);
    CHECK(scenario.faults.size() >= 5);
    auto const lost_for_ever = std::ranges::count_if(scenario.faults, [](sim::Fault const& fault) {
      return fault.kind == sim::FaultKind::loss && fault.to_s > 1e300;
    });
    CHECK(scenario.layout.sites - lost_for_ever >= scenario.outer.quorum);
  }
}
