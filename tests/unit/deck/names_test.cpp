// Names that are no section, no key, no choice.
#include "deck/names.hpp"

#include "deck/nearest.hpp"
#include "problems.hpp"

using namespace atl;
using namespace atl::test;

TEST_CASE("an unknown section is refused with the nearest one") {
  check_all_refused({
      {"[modell]\nlayers = 2\n", "d.toml:1:2", "unknown section [modell]", "did you mean \"model\"?"},
      {"[run]\n\n[otuer]\nquorum = 1\n", "d.toml:3:2", "unknown section [otuer]", "did you mean \"outer\"?"},
      {"[training]\n", "d.toml:1:2", "unknown section [training]", "the sections are run, sites, syncer"},
  });
}

TEST_CASE("an unknown key is refused with the nearest one of its section") {
  check_all_refused({
      {"[run]\nstpes = 10\n", "d.toml:2:1", "unknown key \"stpes\" in [run]", "did you mean \"steps\"?"},
      {"[inner]\nlr = 1e-3\nwarmup = 3\n", "d.toml:3:1", "unknown key \"warmup\" in [inner]",
       "the keys of this section are"},
      {"[inner]\n  warmup_step = 3\n", "d.toml:2:3", "\"warmup_step\"", "did you mean \"warmup_steps\"?"},
      {"[outer]\nQuorum = 1\n", "d.toml:2:1", "\"Quorum\"", "did you mean \"quorum\"?"},
      {"[eval]\nx = 1\n", "d.toml:2:1", "\"x\"", "the keys of this section are every_steps, batches"},
  });
}

TEST_CASE("a key in the wrong section is refused with the section it belongs to") {
  check_all_refused({
      {"[sites]\nquorum = 1\n", "d.toml:2:1", "unknown key \"quorum\" in [sites]", "it is a key of [outer]"},
      {"[run]\nlr = 1e-3\n", "d.toml:2:1", "unknown key \"lr\"", "it is a key of [inner] and [outer]"},
      {"steps = 10\n", "d.toml:1:1", "\"steps\" stands outside every section", "it is a key of [run]"},
  });
}

TEST_CASE("a section written as a key or as a list is refused") {
  check_all_refused({
      {"run = 5\n", "d.toml:1:1", "\"run\" is a section, not a key", "write [run] on a line of its own"},
      {"[[run]]\nsteps = 5\n", "d.toml:1:1", "\"run\" is a section that stands once", "write [run]"},
      {"[chaos]\nsite = 1\n", "d.toml:1:2", "\"chaos\" is one section of several", "write [[chaos]]"},
      {"", "--set chaos.site", "\"chaos\" is one section of several", "write [[chaos]]", {"chaos.site=1"}},
  });
}

TEST_CASE("an unknown choice is refused with the nearest one and all of them") {
  check_all_refused({
      {"[run]\nmethod = \"decopled\"\n", "d.toml:2:1", "run.method = \"decopled\" is none of its values",
       "did you mean \"decoupled\"? expected choice: data_parallel | diloco | streaming | decoupled"},
      {"[outer]\nmerge = \"median\"\n", "d.toml:2:1", "outer.merge = \"median\"",
       "expected choice: rda | average"},
      {"[outer]\ngrace = \"fixed\"\n", "d.toml:2:1", "outer.grace = \"fixed\"", "adaptive | none | seconds"},
  });
}

TEST_CASE("the nearest name forgives two slips or a third of the letters, and letter case") {
  std::vector<std::string_view> const names = {"lr", "min_lr_ratio", "warmup_steps", "weight_decay"};
  CHECK(deck::nearest("warmupsteps", names) == "warmup_steps");   // one left out
  CHECK(deck::nearest("wieght_decay", names) == "weight_decay");  // neighbours swapped
  CHECK(deck::nearest("WEIGHT_DECAY", names) == "weight_decay");
  CHECK(deck::nearest("warm_up_stepz", names) == "warmup_steps");
  CHECK(deck::nearest("rl", names) == "lr");
  CHECK(deck::nearest("momentum", names).empty());
  CHECK(deck::nearest("x", names).empty());
  CHECK(deck::nearest("", names).empty());
}

TEST_CASE("the names of a choice are in the order of its enumeration") {
  CHECK(deck::name(deck::Stop::each) == "each");
  CHECK(deck::name(deck::Method::data_parallel) == "data_parallel");
  CHECK(deck::name(deck::Method::decoupled) == "decoupled");
  CHECK(deck::name(deck::Repair::spawn) == "spawn");
  CHECK(deck::name(deck::Family::llama) == "llama");
  CHECK(deck::name(deck::Precision::bf16) == "bf16");
  CHECK(deck::name(deck::InnerOptimizerKind::sgd) == "sgd");
  CHECK(deck::name(deck::InnerOptimizerKind::muon) == "muon");
  CHECK(deck::name(deck::Schedule::cosine) == "cosine");
  CHECK(deck::name(deck::Schedule::wsd) == "wsd");
  CHECK(deck::name(deck::PartitionKind::whole) == "whole");
  CHECK(deck::name(deck::GraceKind::fixed) == "fixed");
  CHECK(deck::name(deck::OuterOptimizerKind::sgd) == "sgd");
  CHECK(deck::name(deck::MergeKind::average) == "average");
  CHECK(deck::name(deck::Anchor::current) == "current");
  CHECK(deck::name(deck::Receive::blend) == "blend");
  CHECK(deck::name(deck::Receive::rebase) == "rebase");
  CHECK(deck::name(deck::Late::carry) == "carry");
  CHECK(deck::name(deck::Codec::e3m0) == "e3m0");
}
