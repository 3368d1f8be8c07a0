// What must hold between keys.
#include "problems.hpp"

using namespace atl;
using namespace atl::test;

TEST_CASE("a fault needs a target that is there, a time and what it is made of") {
  check_all_refused({
      {"[[chaos]]\nsite = 1\n", "d.toml:1:1", "chaos[0].at_step is missing", "say at which step"},
      {"[[chaos]]\nat_step = 5\n", "d.toml:1:1", "chaos[0] is aimed at nobody", "a site or a shard"},
      {"[[chaos]]\nat_step = 5\nsite = 0\n[[chaos]]\nat_step = 5\nsite = 0\nshard = 0\n", "d.toml:6:1",
       "chaos[1] is aimed at a site and a shard", "a site or a shard"},
      {"[[chaos]]\nat_step = 5\nsite = 2\n", "d.toml:3:1", "chaos[0].site = 2, sites.count = 2", "at most 1"},
      {"[[chaos]]\nat_step = 5\nshard = 1\n", "d.toml:3:1", "chaos[0].shard = 1, syncer.ranks = 1",
       "at most 0"},
      {"[[chaos]]\nat_step = 5\nsite = 1\nrank = 2\n[sites]\nranks = [4, 2]\n", "d.toml:4:1",
       "chaos[0].rank = 2, sites.ranks = 2", "at most 1"},
      {"[[chaos]]\nat_step = 5\nsite = 1\ndo = \"stall\"\n", "d.toml:4:1",
       "chaos[0].for_s is missing: how long", "some seconds"},
      {"[[chaos]]\nat_step = 5\nshard = 0\ndo = \"corrupt\"\n", "d.toml:4:1", "done by sites only", "a site"},
      {"[[chaos]]\nat_step = 5\nsite = 0\ndo = \"corrupt\"\nhow = \"norm\"\n[outer]\ngate_z = 0\n",
       "d.toml:5:1", "how = \"norm\" would be merged", "set outer.gate_z"},
      {"[run]\nmethod = \"diloco\"\n[[chaos]]\nat_step = 5\nsite = 0\ndo = \"corrupt\"\n", "d.toml:6:1",
       "no meaning with run.method = diloco", "decoupled"},
      {"[run]\nmethod = \"data_parallel\"\n[storm]\nfaults_per_hour = 9\n", "d.toml:2:1",
       "do = \"partition\" has no meaning", "decoupled"},
      {"[storm]\nfor_s = [2, 1]\n", "d.toml:2:1", "storm.for_s has its longest first", "[shortest, longest]"},
      {"[[chaos]]\nat_step = 5\nsite = 0\ndo = \"corrupt\"\nhow = \"term\"\n", "d.toml:5:1",
       "needs an owner who took a fragment over", "syncer.replicas = 1"},
      {"[[chaos]]\nat_step = 5\nsite = 0\ndo = \"explode\"\n", "d.toml:4:1",
       "chaos[0].do = \"explode\" is none of its values", "kill | stall | slow"},
  });
}

TEST_CASE("faults stand in the order of the deck, each with its own keys") {
  auto const config = deck::parse(
      "[[chaos]]\nat_step = 9\nsite = 1\ndo = \"slow\"\nfor_s = 2\nfactor = 4\n"
      "[[chaos]]\nat_step = 5\nshard = 0\n",
      "d.toml", {});
  REQUIRE(config.chaos.size() == 2);
  CHECK(
      config.chaos[0] ==
      deck::ChaosEntry{.at_step = 9, .kind = deck::ChaosKind::slow, .site = 1, .for_s = 2.0, .factor = 4.0});
  CHECK(config.chaos[1] == deck::ChaosEntry{.at_step = 5, .shard = 0});
}

TEST_CASE("keys that contradict one another are refused where one of them was written") {
  check_all_refused({
      {"[model]\nwidth = 100\nheads = 3\nkv_heads = 3\n", "d.toml:2:1",
       "model.width = 100 is not a multiple of model.heads = 3", "model.width = 102"},
      {"[model]\nheads = 3\nkv_heads = 3\n", "d.toml:2:1", "model.width = 256 is not a multiple",
       "model.width = 258"},
      {"[model]\nwidth = 12\n", "d.toml:2:1", "heads of width 12 / 4 = 3 are odd", "model.width = 16"},
      {"[model]\nwidth = 64\nheads = 5\nkv_heads = 5\n", "d.toml:2:1", "model.width = 64 is not a multiple",
       "model.width = 70"},
      {"[outer]\nquorum = 3\n", "d.toml:2:1", "outer.quorum = 3 can never be reached with sites.count = 2",
       "at most 2"},
      {"[outer]\nfragments = 25\n", "d.toml:2:1",
       "outer.fragments = 25 do not fit into outer.interval_steps = 24", "at most 24"},
      {"[outer]\noverlap_steps = 24\n", "d.toml:2:1", "outer.overlap_steps = 24 is not shorter",
       "at most 23"},
      {"[syncer]\nranks = 7\n", "d.toml:2:1", "syncer.ranks = 7 shards for 6 fragments", "at most 6"},
      {"[syncer]\nreplicas = 1\n", "d.toml:2:1", "needs another shard", "2 or more"},
      {"[run]\nmethod = \"streaming\"\n[syncer]\nranks = 2\nreplicas = 1\n", "d.toml:5:1",
       "streaming cannot go on without a shard", "set syncer.replicas = 0"},
      {"[sites]\nranks = [1, 1, 1]\n", "d.toml:2:1", "sites.ranks lists 3 sites, sites.count = 2",
       "one per site"},
      {"[sites]\nranks = 3\n", "d.toml:2:1", "inner.batch = 8 cannot be dealt to 3 ranks", "a multiple of 3"},
      {"[run]\nsteps = 20\n", "d.toml:2:1", "inner.warmup_steps = 30 is longer than run.steps = 20",
       "at most 20"},
      {"[inner]\nschedule = \"wsd\"\nwarmup_steps = 200\n", "d.toml:3:1",
       "inner.warmup_steps = 200 and inner.decay_fraction = 0.2 of run.steps = 240 overlap", "at most 0.166"},
      {"[model]\nfamily = \"gpt2\"\nkv_heads = 2\n", "d.toml:3:1",
       "model.kv_heads = 2 for model.heads = 4: gpt2", "kv_heads = 4"},
      {"[outer]\npartition = \"strided\"\n", "d.toml:2:1", "outer.fragments = 6 of model.layers = 4: strided",
       "at most 4"},
      {"[inner]\nmicro_batch = 9\n", "d.toml:2:1",
       "inner.micro_batch = 9 is more than a rank's 8 sequences a step", "smaller"},
      {"[sites]\nranks = [2, 4]\n[inner]\nmicro_batch = 3\n", "d.toml:4:1", "a rank's 2 sequences",
       "smaller"},
  });
}

TEST_CASE("a site's batch is dealt to its own ranks, under data_parallel too") {
  std::string const all = "[run]\nmethod = \"data_parallel\"\n[sites]\ncount = 2\n";
  CHECK(problems(all + "ranks = [1, 2]\n[inner]\nbatch = 2\n").empty());
  check_all_refused({
      {all + "ranks = [1, 2]\n[inner]\nbatch = 3\n", "d.toml:7:1",
       "inner.batch = 3 cannot be dealt to 2 ranks", "a multiple of 2"},
      {all + "ranks = [1, 3]\n[inner]\nbatch = 2\n", "d.toml:7:1",
       "inner.batch = 2 cannot be dealt to 3 ranks", "a multiple of 3"},
      {all + "ranks = [1, 2]\n[inner]\nbatch = 2\nmicro_batch = 2\n", "d.toml:8:1",
       "more than a rank's 1 sequences", "smaller"},
  });
}

TEST_CASE("what a method does not use of the outer rule cannot contradict it") {
  CHECK(
      problems("run.method = \"diloco\"\n[outer]\nfragments = 25\noverlap_steps = 24\nquorum = 3\n").empty());
  CHECK(problems("run.method = \"streaming\"\n[outer]\nreceive = \"rebase\"\nlate = \"carry\"\n").empty());
  CHECK(problems("[outer]\npartition = \"whole\"\nfragments = 25\n").empty());
  check_all_refused({
      {"[run]\nmethod = \"streaming\"\n[outer]\noverlap_steps = 24\n", "d.toml:4:1",
       "outer.overlap_steps = 24 is not shorter", "at most 23"},
      {"[run]\nmethod = \"diloco\"\n[syncer]\nranks = 2\n", "d.toml:4:1",
       "syncer.ranks = 2 shards for 1 fragment:", "at most 1"},
      {"[outer]\npartition = \"whole\"\n[syncer]\nranks = 2\n", "d.toml:4:1",
       "syncer.ranks = 2 shards for 1 fragment:", "at most 1"},
  });
}

TEST_CASE("a list of data folders is for every site, or one for all") {
  auto const found = problems("[sites]\ncount = 3\ndata = [\"a\", \"b\"]\n");
  REQUIRE_FALSE(found.empty());
  CHECK(found[0].where == "d.toml:3:1");
  CHECK_THAT(found[0].what, ContainsSubstring("sites.data lists 2 entries, sites.count = 3"));
}

TEST_CASE("carrying late contributions is refused together with rebase") {
  auto const found = problems("[outer]\nreceive = \"rebase\"\nlate = \"carry\"\n");
  REQUIRE_FALSE(found.empty());
  CHECK(found[0].where == "d.toml:3:1");
  CHECK_THAT(found[0].what, ContainsSubstring("would count the same steps twice"));
  CHECK_THAT(found[0].remedy, ContainsSubstring("late = \"drop\""));
}

TEST_CASE("a run's name is that of a plain folder") {
  auto const named = [](std::string const& name) { return "[run]\nname = \"" + name + "\"\n"; };
  for (std::string const name : {"..", ".", "a/b", "/tmp", "two words", "caf\u00e9"})
    check_refused({named(name), "d.toml:2:1", "does not name a plain folder", "letters, digits"});
  check_refused({named(std::string(129, 'x')), "d.toml:2:1", "does not name a plain folder", "up to 128"});
  for (std::string const name : {"a", "run-2", "v1.2_final", "..."}) CHECK(problems(named(name)).empty());
}

TEST_CASE("a relation with a key that is wrong in itself is not looked at") {
  check_refused(
      {"[model]\nwidth = -1\nheads = 3\nkv_heads = 3\n", "d.toml:2:1", "model.width = -1", "1 to 32768"});
}

TEST_CASE("a relation broken by an override is reported at the override") {
  check_refused({"[inner]\nwarmup_steps = 40\n",
                 "--set run.steps",
                 "is longer than run.steps = 20",
                 "at most 20",
                 {"run.steps=20"}});
}

TEST_CASE("data_parallel has no outer rule to contradict") {
  CHECK(problems("[run]\nmethod = \"data_parallel\"\n[sites]\ncount = 1\n[outer]\nquorum = 2\n").empty());
}
