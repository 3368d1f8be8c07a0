// What the screen says, by the lines of the metrics it is fed with.
#include "train/console.hpp"

#include "base/log.hpp"
#include "support/catch.hpp"
#include "support/file_bytes.hpp"
#include "support/scratch_folder.hpp"
#include "train/metrics.hpp"

using namespace atl;

namespace {

train::RunPlan plan_of(std::vector<std::string> data) {
  deck::RunConfig config;
  config.run.steps = 60;
  config.sites.data = std::move(data);
  config.model = {.layers = 1, .width = 8, .heads = 2, .kv_heads = 1, .ffn_width = 8, .context = 4};
  config.data.tokenizer = "bytes";
  config.outer.fragments = 3;
  return train::make_plan(config);
}

// All that a console says while `use` has it.
template <class Use>
std::string said(train::RunPlan const& plan, Use const& use) {
  test::ScratchFolder const folder;
  auto const file = folder.path() / "log";
  base::log::open(file, "test", /*owns_console=*/false);
  {
    train::Console console(plan, 0, /*shows_progress=*/false);
    use(console);
  }
  base::log::close();
  auto const bytes = test::bytes_of(file);
  return {reinterpret_cast<char const*>(bytes.data()), bytes.size()};
}

}  // namespace

TEST_CASE("bits a byte are said where they are known") {
  auto const eval = [](double bits) {
    return said(plan_of({"text"}), [&](train::Console& console) {
      console.observe(
          to_json(train::EvalLine{.site = 0, .step = 7, .val_loss = 2.5, .val_bits_per_byte = bits}));
    });
  };
  CHECK_THAT(eval(1.25), ContainsSubstring("validation loss 2.5000 nats a token, 1.2500 bits a byte"));
  CHECK_THAT(eval(0.0), ContainsSubstring("validation loss 2.5000 nats a token\n"));
}

TEST_CASE("an evaluation names its site where every site has text of its own") {
  auto const final_of_1 = [](std::vector<std::string> data) {
    return said(plan_of(std::move(data)), [](train::Console& console) {
      console.observe(to_json(train::EvalLine{.site = 1, .step = 7, .val_loss = 2.5, .is_final = true}));
    });
  };
  CHECK_THAT(final_of_1({"a", "b"}), ContainsSubstring("final       | site 1 | validation"));
  CHECK_THAT(final_of_1({"a"}), ContainsSubstring("final       | validation"));
}

TEST_CASE(
    "versions are those of the checkpoint until a fragment commits, and steps past the last are explained") {
  auto const text = said(plan_of({"text"}), [](train::Console& console) {
    console.observe(to_json(train::RestoredLine{.step = 40, .fragment = 1, .version = 5, .theta = {}}));
    console.observe(to_json(train::StepLine{.site = 0, .step = 50, .loss = 1.0}));
    console.tick(50, 1.0, 0);
    console.observe(to_json(train::CommitLine{.fragment = 1, .version = 6, .members = {0}}));
    console.tick(70, 2.0, 0);
  });
  CHECK_THAT(text, ContainsSubstring("v0 5 0") && ContainsSubstring("v0 6 0"));
  CHECK_THAT(text, ContainsSubstring("70/60") && ContainsSubstring("on its way to the sites"));
}
