#include "train/run_folder.hpp"

#include <fstream>

#include "base/error.hpp"
#include "data/sentencepiece.hpp"
#include "support/catch.hpp"
#include "support/file_bytes.hpp"
#include "support/scratch_folder.hpp"
#include "support/session.hpp"

using namespace atl;

namespace {

train::RunFolder folder_in(test::ScratchFolder const& scratch) {
  train::RunFolder folder("x");
  folder.root = scratch.path() / "runs" / "x";
  return folder;
}

deck::RunConfig config_with(std::string const& tokenizer) {
  deck::RunConfig config;
  config.data.tokenizer = tokenizer;
  return config;
}

}  // namespace

TEST_CASE("a run's folder is made once and never taken over") {
  test::ScratchFolder const scratch;
  auto const folder = folder_in(scratch);
  train::create(folder, config_with("bytes"));
  CHECK(std::filesystem::exists(folder.deck()));
  CHECK_FALSE(std::filesystem::exists(folder.tokenizer()));
  CHECK_THROWS_AS(train::create(folder, config_with("bytes")), base::InputError);
}

TEST_CASE("a run keeps its tokenizer") {
  if (!data::has_sentencepiece()) return test::skip("this build has no SentencePiece");
  test::ScratchFolder const scratch;
  auto const folder = folder_in(scratch);
  auto const model = scratch.path() / "own.model";
  test::put_bytes(model, data::train_sentencepiece({"one two one two three"}, 270));
  train::create(folder, config_with(model.string()));
  CHECK(test::bytes_of(folder.tokenizer()) == test::bytes_of(model));
}

TEST_CASE("the status of a run can be read back, and a torn one says nothing") {
  test::ScratchFolder const scratch;
  auto const folder = folder_in(scratch);
  CHECK(train::read_outcome(folder).empty());
  train::create(folder, config_with("bytes"));
  train::write_status(folder,
                      {.outcome = "done", .exit_code = base::ExitCode::done, .step = 12, .checkpoint = "c"});
  CHECK(train::read_outcome(folder) == "done");
  std::ofstream(folder.status()) << "{\"outco";
  CHECK(train::read_outcome(folder).empty());
}
