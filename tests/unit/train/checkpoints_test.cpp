#include "train/checkpoints.hpp"

#include <fstream>

#include "base/durable_file.hpp"
#include "base/error.hpp"
#include "checkpoint/sets.hpp"
#include "data/tokenizer.hpp"
#include "deck/deck.hpp"
#include "support/catch.hpp"
#include "support/scratch_folder.hpp"

using namespace atl;

namespace {

// One site and one shard, whose sets are made here file by file.
struct Run {
  test::ScratchFolder scratch;
  train::RunFolder folder{"x"};
  deck::RunConfig config;
  int ranks = 1;

  Run() {
    folder.root = scratch.path();
    config.sites.count = 1;
    config.data.tokenizer = "bytes";
    std::filesystem::create_directories(folder.checkpoints());
  }

  // The tensors do not matter here; the data is none.
  train::RunPlan plan() const {
    std::vector<tensor::TensorSpec> specs{{"a", tensor::Kind::vector, 2, 1}};
    std::vector<int> const fragments{0};
    return {.config = config,
            .tokenizer = data::load_tokenizer(config.data.tokenizer)->digest(),
            .table = tensor::ParamTable(std::move(specs), fragments, 1)};
  }

  void save(std::uint64_t step, std::vector<std::string> const& files) const {
    auto const set = checkpoint::start_set(folder.checkpoints(), step);
    checkpoint::Manifest manifest;
    manifest.step = step;
    manifest.deck = deck::echo(config);
    manifest.kind = "quiet";
    manifest.layout = {{ranks}, 1};
    manifest.param_table = plan().table.digest();
    manifest.facts = {{"tokenizer", data::load_tokenizer("bytes")->digest().hex()}};
    for (auto const& file : files) {
      checkpoint::FileWriter writer(set, file);
      writer.root().write("x", 1.0);
      std::vector<std::uint64_t> const fragments{0};
      if (file == "shard_0.h5") writer.root().write("fragments", std::span<std::uint64_t const>(fragments));
      manifest.files.push_back(writer.finish());
    }
    checkpoint::write_manifest(set, manifest);
  }
};

}  // namespace

TEST_CASE("a run goes on from its newest complete set") {
  Run const run;
  CHECK_FALSE(train::find_resume_point(run.folder, run.plan()));
  run.save(10, {"site_0.h5", "shard_0.h5"});
  run.save(20, {"site_0.h5", "shard_0.h5"});
  CHECK(train::find_resume_point(run.folder, run.plan())->step == 20);
}

TEST_CASE(
    "a set without the state of a site or of a fragment, or with a damaged file, is passed over for an older "
    "one") {
  Run const run;
  run.save(10, {"site_0.h5", "shard_0.h5"});
  run.save(20, {"shard_0.h5"});
  CHECK(train::find_resume_point(run.folder, run.plan())->step == 10);

  run.save(25, {"site_0.h5"});
  CHECK(train::find_resume_point(run.folder, run.plan())->step == 10);

  run.save(30, {"site_0.h5", "shard_0.h5"});
  std::fstream file(checkpoint::set_folder(run.folder.checkpoints(), 30) / "site_0.h5",
                    std::ios::in | std::ios::out | std::ios::binary);
  file.seekp(100);
  file.put('\x55');
  file.close();
  CHECK(train::find_resume_point(run.folder, run.plan())->step == 10);
}

TEST_CASE(
    "a deck that differs from the saved one is refused by the name of the key, but for what may change") {
  Run run;
  run.save(10, {"site_0.h5", "shard_0.h5"});
  run.config.run.walltime_s = 60.0;
  run.config.checkpoint.keep = 9;
  run.config.eval.batches = 2;
  run.config.output.report_every_steps = 1;
  CHECK(train::find_resume_point(run.folder, run.plan())->step == 10);

  run.config.inner.lr = 0.5;
  try {
    train::find_resume_point(run.folder, run.plan());
    FAIL("it was not refused");
  } catch (base::InputError const& error) {
    CHECK(std::string(error.what()).find("lr") != std::string::npos);
    CHECK(error.problems().size() == 1);
  }
}

TEST_CASE("another tokenizer is not what the run was started with") {
  Run run;
  run.save(10, {"site_0.h5", "shard_0.h5"});
  run.config.data.tokenizer = "none";
  CHECK_THROWS_AS(train::find_resume_point(run.folder, run.plan()), base::InputError);
}

TEST_CASE("a set of the first format is refused as such, and its model pointed to") {
  Run const run;
  run.save(10, {"site_0.h5", "shard_0.h5"});
  auto const file = checkpoint::set_folder(run.folder.checkpoints(), 10) / checkpoint::manifest_name;
  auto text = *base::read_text(file);
  std::string const now = "\"format_version\": 3";
  text.replace(text.find(now), now.size(), "\"format_version\": 1");
  std::string const key = "\"manifest_digest\": \"";
  auto const place = text.find(key) + key.size();
  text.replace(place, 32, std::string(32, '0'));
  text.replace(place, 32, base::digest_of(std::string_view(text)).hex());
  base::publish_text(file, text);
  CHECK_THROWS_WITH(
      train::find_resume_point(run.folder, run.plan()),
      ContainsSubstring("has checkpoint format 1") && ContainsSubstring("its model can be used"));
}

TEST_CASE("parameters that are laid out otherwise are not resumed") {
  Run const run;
  run.save(10, {"site_0.h5", "shard_0.h5"});
  auto plan = run.plan();
  std::vector<tensor::TensorSpec> specs{{"b", tensor::Kind::vector, 2, 1}};
  std::vector<int> const fragments{0};
  plan.table = tensor::ParamTable(std::move(specs), fragments, 1);
  CHECK_THROWS_WITH(train::find_resume_point(run.folder, plan), ContainsSubstring("otherwise"));
}

TEST_CASE("a site's files are its leader's and those of the ranks that had a share of the moments") {
  Run run;
  run.ranks = 3;
  run.save(10, {"site_0.h5", "site_0_rank_2.h5", "shard_0.h5"});
  auto const point = train::find_resume_point(run.folder, run.plan());
  REQUIRE(point);
  CHECK(point->site_files(0) == std::vector<std::string>{"site_0.h5", "site_0_rank_2.h5"});
}
