// What a deck may say.
#include "problems.hpp"

using namespace atl;
using namespace atl::test;

TEST_CASE("all methods, both model families and every layout are there") {
  for (std::string const deck : {
           "sites.repair = \"shrink\"\nsyncer.ranks = 2\nsyncer.replicas = 1\n",
           "sites.repair = \"spare\"\nsites.spares = 2\n",
           "run.method = \"diloco\"\nrun.stop = \"each\"\n",
           "run.method = \"streaming\"\nouter.receive = \"blend\"\n",
           "outer.codec = \"e3m0\"\nouter.release_codec = \"int4\"\nouter.gate_z = 0.0\n",
           "outer.receive = \"blend\"\nouter.anchor = \"current\"\nouter.late = \"carry\"\n",
           "outer.partition = \"strided\"\nouter.fragments = 4\nouter.codec = \"bf16\"\n",
           "model.family = \"gpt2\"\nmodel.recompute = true\nmodel.precision = \"bf16\"\n",
           "model.kv_heads = 2\ninner.optimizer = \"muon\"\ninner.schedule = \"wsd\"\n",
           "inner.micro_batch = 2\ninner.shard_optimizer = true\nsites.ranks = [1, 4]\n",
           "sites.data = [\"a * 0.7 + b * 0.3\", \"c\"]\nrun.initial_model = \"hf/model\"\n",
           "output.tensorboard = true\noutput.trace = true\ncheckpoint.every_s = 60\n",
       }) {
    INFO(deck);
    CHECK(problems(deck).empty());
  }
}
