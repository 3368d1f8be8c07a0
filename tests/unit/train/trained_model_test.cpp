// A model outside a run: written, moved, loaded; or refused.
#include "train/trained_model.hpp"

#include <numeric>

#include "base/error.hpp"
#include "data/sentencepiece.hpp"
#include "support/catch.hpp"
#include "support/file_bytes.hpp"
#include "support/scratch_folder.hpp"
#include "support/session.hpp"

using namespace atl;

namespace {

deck::RunConfig small_config(std::string const& tokenizer) {
  deck::RunConfig config;
  config.run.method = deck::Method::data_parallel;
  config.model = {
      .layers = 1, .width = 8, .heads = 2, .kv_heads = 1, .ffn_width = 8, .context = 4, .vocab = 300};
  config.data.tokenizer = tokenizer;
  config.outer.fragments = 3;
  return config;
}

// 0, 1, 2, ...
std::vector<float> write(std::filesystem::path const& folder, deck::RunConfig const& config) {
  auto const table = train::parameter_table(config);
  std::vector<float> values(table.size());
  std::iota(values.begin(), values.end(), 0.0F);
  train::write_model(folder, config, table, values);
  return values;
}

std::vector<float> values_of(train::TrainedModel const& model) { return model.parameters; }

}  // namespace

TEST_CASE("a model is loaded as it was written") {
  test::ScratchFolder const folder;
  auto const config = small_config("none");
  auto const values = write(folder.path(), config);
  auto const loaded = train::load_model(folder.path());
  CHECK(loaded.config == config);
  CHECK(loaded.step == 0);
  CHECK(values_of(loaded) == values);
  CHECK(test::names_in(folder.path()) == std::vector<std::string>{"manifest.json", "model.h5"});
}

TEST_CASE("a tokenizer in a model's folder moves with it") {
  if (!data::has_sentencepiece()) return test::skip("this build has no SentencePiece");
  test::ScratchFolder const scratch;
  auto const before = scratch.path() / "before", after = scratch.path() / "after";
  std::filesystem::create_directory(before);
  test::put_bytes(before / "tokenizer.model", data::train_sentencepiece({"one two one two three"}, 270));
  write(before, small_config("tokenizer.model"));
  std::filesystem::rename(before, after);
  CHECK(train::load_model(after).config.data.tokenizer == (after / "tokenizer.model").string());

  test::put_bytes(after / "tokenizer.model", data::train_sentencepiece({"four five four five six"}, 270));
  CHECK_THROWS_WITH(train::load_model(after),
                    ContainsSubstring("is not the tokenizer that this model was trained with"));
}

TEST_CASE("the tokenizer of a run is found with the run, wherever its text is") {
  if (!data::has_sentencepiece()) return test::skip("this build has no SentencePiece");
  test::ScratchFolder const scratch;
  auto const run = scratch.path() / "run", set = run / "checkpoints" / "step_00000001";
  std::filesystem::create_directories(set);
  test::put_bytes(run / "tokenizer.model", data::train_sentencepiece({"one two one two three"}, 270));
  auto const elsewhere = scratch.path() / "text.model";
  std::filesystem::copy_file(run / "tokenizer.model", elsewhere);
  write(set, small_config(elsewhere.string()));
  std::filesystem::remove(elsewhere);
  CHECK(train::load_model(set).config.data.tokenizer == (run / "tokenizer.model").string());
}

TEST_CASE("a damaged model is refused") {
  test::ScratchFolder const folder;
  write(folder.path(), small_config("bytes"));
  test::flip_bit(folder.path() / "model.h5", test::bytes_of(folder.path() / "model.h5").size() / 2);
  CHECK_THROWS_AS(train::load_model(folder.path()), base::InputError);
  std::filesystem::remove(folder.path() / "model.h5");
  CHECK_THROWS_WITH(train::load_model(folder.path()), ContainsSubstring("model.h5"));
}

TEST_CASE("a folder that holds no model is refused with what would do") {
  test::ScratchFolder const folder;
  CHECK_THROWS_WITH(train::load_model(folder.path()), ContainsSubstring("or an imported model"));
  CHECK_THROWS_WITH(train::load_model(folder.path() / "none"), ContainsSubstring("there is no such folder"));
}
