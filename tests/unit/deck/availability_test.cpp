// What a deck may say, and this version cannot do yet.
#include "problems.hpp"

using namespace atl;
using namespace atl::test;

TEST_CASE("what this version cannot do is refused with what it can") {
  std::string const not_yet = "is not available in this version";
  check_all_refused({
      {"[run]\nmethod = \"diloco\"\n", "d.toml:2:1", "run.method = \"diloco\" " + not_yet,
       "use \"decoupled\" or \"data_parallel\""},
      {"[run]\nmethod = \"streaming\"\n", "d.toml:2:1", "\"streaming\" " + not_yet, "use \"decoupled\""},
      {"[run]\nstop = \"each\"\n", "d.toml:2:1", "run.stop = \"each\" " + not_yet, "use \"clock\""},
      {"[sites]\nrepair = \"shrink\"\n", "d.toml:2:1", "\"shrink\" " + not_yet, "use \"site\""},
      {"[sites]\nspares = 1\n", "d.toml:2:1", "sites.spares = 1 " + not_yet, "use 0"},
      {"[sites]\nranks = [1, 2]\n", "d.toml:2:1", "sites of different sizes " + not_yet,
       "one number of ranks"},
      {"[sites]\ndata = [\"a\", \"b\"]\n", "d.toml:2:1", "data of its own for every site " + not_yet,
       "one folder"},
      {"[syncer]\nreplicas = 1\n", "d.toml:2:1", "syncer.replicas = 1 " + not_yet, "use 0"},
      {"[model]\nfamily = \"gpt2\"\n", "d.toml:2:1", "\"gpt2\" " + not_yet, "use \"llama\""},
      {"[model]\nprecision = \"bf16\"\n", "d.toml:2:1", "\"bf16\" " + not_yet, "use \"fp32\""},
      {"[model]\nkv_heads = 2\n", "d.toml:2:1", "model.kv_heads other than model.heads " + not_yet,
       "kv_heads = 4"},
      {"[inner]\nmicro_batch = 2\n", "d.toml:2:1", "inner.micro_batch = 2 " + not_yet, "use 0"},
      {"[inner]\nschedule = \"wsd\"\n", "d.toml:2:1", "\"wsd\" " + not_yet, "use \"cosine\" or \"constant\""},
      {"[outer]\npartition = \"strided\"\n", "d.toml:2:1", "\"strided\" " + not_yet, "use \"balanced\""},
      {"[outer]\nanchor = \"current\"\n", "d.toml:2:1", "\"current\" " + not_yet, "use \"base\""},
      {"[outer]\nreceive = \"blend\"\n", "d.toml:2:1", "\"blend\" " + not_yet,
       "use \"overwrite\" or \"rebase\""},
      {"[outer]\nlate = \"carry\"\n", "d.toml:2:1", "\"carry\" " + not_yet, "use \"drop\""},
      {"[outer]\ngate_z = 6\n", "d.toml:2:1", "outer.gate_z = 6.0 " + not_yet, "use 0.0"},
      {"[outer]\ncodec = \"int4\"\n", "d.toml:2:1", "outer.codec = \"int4\" " + not_yet, "use \"fp32\""},
      {"[outer]\nrelease_codec = \"bf16\"\n", "d.toml:2:1", "outer.release_codec = \"bf16\" " + not_yet,
       "use \"fp32\""},
      {"[link]\ndelay_ms = 50\n", "d.toml:2:1", "link.delay_ms = 50.0 " + not_yet, "use 0.0"},
      {"[link]\nbandwidth_mbit_s = 100\n", "d.toml:2:1", "link.bandwidth_mbit_s = 100.0 " + not_yet,
       "use 0.0"},
      {"[checkpoint]\nevery_s = 60\n", "d.toml:2:1", "checkpoint.every_s = 60.0 " + not_yet, "use 0.0"},
      {"[output]\ntensorboard = true\n", "d.toml:2:1", "output.tensorboard = true " + not_yet, "use false"},
      {"[output]\ntrace = true\n", "d.toml:2:1", "output.trace = true " + not_yet, "use false"},
      {"[[chaos]]\nat_step = 120\ndo = \"kill\"\n", "d.toml:1:3", "[[chaos]] " + not_yet, "remove it"},
  });
}

TEST_CASE("moments are not divided over the ranks of a site yet") {
  std::string const sharded = "[inner]\nshard_optimizer = true\n";
  CHECK(problems(sharded).empty());  // one rank has all of them anyway
  check_all_refused({
      {sharded + "[sites]\nranks = 2\n", "d.toml:2:1", "with more than one rank in a site",
       "shard_optimizer = false"},
      {sharded + "[run]\nmethod = \"data_parallel\"\n", "d.toml:2:1", "with more than one rank in a site",
       "shard_optimizer = false"},
  });
}
