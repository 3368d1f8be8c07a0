// Values of the wrong type or out of range, and all the ways of writing a right one.
#include "problems.hpp"

using namespace atl;
using namespace atl::test;

TEST_CASE("a value of the wrong type is refused with the type that is expected") {
  check_all_refused({
      {"[run]\nsteps = \"many\"\n", "d.toml:2:1", "run.steps = \"many\" has the wrong type",
       "expected integer: 1 to"},
      {"[run]\nsteps = 2.5\n", "d.toml:2:1", "run.steps = 2.5 has the wrong type", "expected integer"},
      {"[run]\nname = 7\n", "d.toml:2:1", "run.name = 7 has the wrong type", "expected string"},
      {"[run]\ndeterministic = 1\n", "d.toml:2:1", "run.deterministic = 1", "expected boolean: true | false"},
      {"[run]\nmethod = true\n", "d.toml:2:1", "run.method = true", "expected choice: data_parallel"},
      {"[run]\nsteps = 2024-01-01\n", "d.toml:2:1", "date or time has the wrong type", "expected integer"},
      {"[model]\nwidth = [64, 64]\n", "d.toml:2:1", "model.width = [64, 64]", "expected integer"},
      {"[model]\nlayers = {x = 1}\n", "d.toml:2:1", "model.layers = {table}", "expected integer"},
      {"[sites]\nranks = [1, \"two\"]\n", "d.toml:2:1", "sites.ranks = [1, \"two\"]",
       "expected integer or list of integers"},
      {"[sites]\ndata = [[\"a\"]]\n", "d.toml:2:1", "sites.data = [[list]]",
       "expected string or list of strings"},
      {"[inner]\nbetas = 0.9\n", "d.toml:2:1", "inner.betas = 0.9 has the wrong type",
       "expected list of 2 floats"},
      {"[model]\nwidth = []\n", "d.toml:2:1", "model.width = [] has the wrong type", "expected integer"},
      {"[outer]\ngrace = []\n", "d.toml:2:1", "outer.grace = [] has the wrong type", "adaptive | none"},
      {"[outer]\ngrace = [1]\n", "d.toml:2:1", "outer.grace = [1] has the wrong type",
       "adaptive | none | seconds"},
  });
}

TEST_CASE("a value out of range is refused with the range and the unit") {
  check_all_refused({
      {"[run]\nsteps = 0\n", "d.toml:2:1", "run.steps = 0 is out of range",
       "expected integer: 1 to 1000000000 (steps)"},
      {"[run]\nseed = -1\n", "d.toml:2:1", "run.seed = -1 is out of range", "expected integer: >= 0"},
      {"[sites]\ncount = 3000000000\n", "d.toml:2:1", "sites.count = 3000000000 is out of range",
       "1 to 32768 (sites)"},
      {"[sites]\nranks = [1, 0]\n", "d.toml:2:1", "sites.ranks = [1, 0] is out of range",
       "1 to 32768 (ranks)"},
      {"[data]\nvalidation_fraction = 0\n", "d.toml:2:1", "is out of range", "expected float: 0 < x <= 0.5"},
      {"[data]\nvalidation_fraction = 0.6\n", "d.toml:2:1", "is out of range",
       "expected float: 0 < x <= 0.5"},
      {"[inner]\nlr = 0.0\n", "d.toml:2:1", "inner.lr = 0.0 is out of range", "expected float: > 0"},
      {"[inner]\nlr = nan\n", "d.toml:2:1", "inner.lr = nan is out of range", "expected float: > 0"},
      {"[inner]\nlr = inf\n", "d.toml:2:1", "inner.lr = inf is out of range", "expected float: > 0"},
      {"[inner]\nbetas = [0.9, 1.0]\n", "d.toml:2:1", "inner.betas = [0.9, 1.0]", "0 <= x < 1"},
      {"[outer]\nmomentum = 1\n", "d.toml:2:1", "outer.momentum = 1 is out of range",
       "expected float: 0 <= x < 1"},
      {"[outer]\ngrace = -0.5\n", "d.toml:2:1", "outer.grace = -0.5 is out of range", "seconds 0 to"},
      {"[outer]\ndead_after_s = 0\n", "d.toml:2:1", "outer.dead_after_s = 0 is out of range", "(s)"},
  });
}

TEST_CASE("a text or list that is empty or of the wrong length is refused") {
  check_all_refused({
      {"[run]\nname = \"\"\n", "d.toml:2:1", "run.name = \"\" is empty", "expected string"},
      {"[sites]\ndata = []\n", "d.toml:2:1", "sites.data = [] is an empty list",
       "expected string or list of strings"},
      {"[sites]\nranks = []\n", "d.toml:2:1", "sites.ranks = [] is an empty list",
       "expected integer or list of integers"},
      {"[inner]\nbetas = [0.9]\n", "d.toml:2:1", "inner.betas = [0.9] does not have 2 entries",
       "expected list of 2 floats"},
  });
}

TEST_CASE("all problems are told at once, in the order of the deck") {
  auto const found = problems(
      "[run]\n"
      "steps = 0\n"
      "[outer]\n"
      "momentum = 2\n"
      "codec = \"fp23\"\n"
      "[model]\n"
      "widht = 64\n"
      "heads = 0\n"
      "[chaos]\n"
      "[inner]\n"
      "lr = \"fast\"\n",
      {"eval.batches=0", "nonsense"});
  std::vector<std::string> places;
  for (auto const& problem : found) places.push_back(problem.where);
  CHECK(places == std::vector<std::string>{"d.toml:2:1", "d.toml:4:1", "d.toml:5:1", "d.toml:7:1",
                                           "d.toml:8:1", "d.toml:9:2", "d.toml:11:1", "--set nonsense",
                                           "--set eval.batches"});
}

TEST_CASE("a deck may say an integer for a float, one entry for a list, and tables inline or dotted") {
  auto const config = deck::parse(
      "model = {width = 128, heads = 2, kv_heads = 2}\n"
      "inner.lr = 1\n"
      "[outer]\n"
      "grace = 3\n"
      "[sites]\n"
      "ranks = 2\n"
      "data = \"text\"\n",
      "d.toml", {});
  CHECK(config.model.width == 128);
  CHECK(config.inner.lr == 1.0);
  CHECK(config.outer.grace == deck::GraceKind::fixed);
  CHECK(config.outer.grace_s == 3.0);
  CHECK(config.sites.ranks == std::vector{2});
  CHECK(config.sites.data == std::vector<std::string>{"text"});
}

TEST_CASE("a deck that says nothing means the defaults") {
  CHECK(deck::parse("", "d.toml", {}) == deck::RunConfig{});
}
