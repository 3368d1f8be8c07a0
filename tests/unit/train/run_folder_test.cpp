#include "train/run_folder.hpp"

#include <fstream>

#include "base/error.hpp"
#include "support/catch.hpp"
#include "support/scratch_folder.hpp"

using namespace atl;

namespace {

train::RunFolder folder_in(test::ScratchFolder const& scratch) {
  train::RunFolder folder("x");
  folder.root = scratch.path() / "runs" / "x";
  return folder;
}

}  // namespace

TEST_CASE("a run's folder is made once and never taken over") {
  test::ScratchFolder const scratch;
  auto const folder = folder_in(scratch);
  train::create(folder, {});
  CHECK(std::filesystem::exists(folder.deck()));
  CHECK_THROWS_AS(train::create(folder, {}), base::InputError);
}

TEST_CASE("the status of a run can be read back, and a torn one says nothing") {
  test::ScratchFolder const scratch;
  auto const folder = folder_in(scratch);
  CHECK(train::read_outcome(folder).empty());
  train::create(folder, {});
  train::write_status(folder,
                      {.outcome = "done", .exit_code = base::ExitCode::done, .step = 12, .checkpoint = "c"});
  CHECK(train::read_outcome(folder) == "done");
  std::ofstream(folder.status()) << "{\"outco";
  CHECK(train::read_outcome(folder).empty());
}
