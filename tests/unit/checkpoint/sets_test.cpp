#include "checkpoint/sets.hpp"

#include "checkpoint/hdf5_file.hpp"
#include "support/catch.hpp"
#include "support/file_bytes.hpp"
#include "support/scratch_folder.hpp"

using namespace atl;
using namespace atl::checkpoint;
namespace fs = std::filesystem;
using Names = std::vector<std::string>;

namespace {

WrittenFile write_shard(fs::path const& folder) {
  FileWriter writer(folder, "shard_0.h5");
  writer.root().write("parameters", std::vector<float>(100, 1.5f));
  return writer.finish();
}

void write_set(fs::path const& checkpoints, std::uint64_t step) {
  auto const folder = start_set(checkpoints, step);
  Manifest manifest;
  manifest.step = step;
  manifest.kind = "quiet";
  manifest.files.push_back(write_shard(folder));
  write_manifest(folder, manifest);
}

// What a job leaves that is killed while it writes: a finished file, an unfinished one, no manifest.
void write_torn(fs::path const& checkpoints, std::uint64_t step) {
  auto const folder = set_folder(checkpoints, step);
  fs::create_directories(folder);
  write_shard(folder);
  test::put_bytes(folder / "site_0_rank_0.h5.tmp-4711", "half a file");
}

std::vector<std::uint64_t> complete_steps(fs::path const& checkpoints) {
  std::vector<std::uint64_t> steps;
  for (auto const& set : find_sets(checkpoints).complete) steps.push_back(set.manifest.step);
  return steps;
}

using Steps = std::vector<std::uint64_t>;

}  // namespace

TEST_CASE("complete sets are found newest first") {
  test::ScratchFolder const checkpoints;
  for (std::uint64_t const step : {200u, 100u, 123'456'789u, 1000u}) write_set(checkpoints.path(), step);
  CHECK(complete_steps(checkpoints.path()) == Steps{123'456'789, 1000, 200, 100});
  CHECK(newest_complete(checkpoints.path())->folder == checkpoints.path() / "step_123456789");
  CHECK(find_sets(checkpoints.path()).skipped.empty());
}

TEST_CASE("a folder without checkpoints has no newest one") {
  test::ScratchFolder const checkpoints;
  CHECK_FALSE(newest_complete(checkpoints.path()).has_value());
}

TEST_CASE("a checkpoint folder that is not there fails with path and reason") {
  test::ScratchFolder const folder;
  auto const gone = folder.path() / "checkpoints";
  CHECK_THROWS_AS(find_sets(gone), base::RuntimeFailure);
  CHECK_THROWS_WITH(find_sets(gone), ContainsSubstring(gone.string() + ": ") &&
                                         ContainsSubstring("No such file or directory"));
  CHECK_THROWS_WITH(prune(gone, 100, {}), ContainsSubstring("No such file or directory"));
}

TEST_CASE("a job killed while it writes leaves no complete set") {
  test::ScratchFolder const checkpoints;
  write_set(checkpoints.path(), 100);
  write_torn(checkpoints.path(), 200);
  CHECK(newest_complete(checkpoints.path())->manifest.step == 100);
  auto const skipped = find_sets(checkpoints.path()).skipped;
  REQUIRE(skipped.size() == 1);
  CHECK(skipped.front().where == (checkpoints.path() / "step_00000200/manifest.json").string());
  CHECK_THAT(skipped.front().what, ContainsSubstring("is missing"));
}

TEST_CASE("a set is skipped with the reason") {
  test::ScratchFolder const checkpoints;
  write_set(checkpoints.path(), 100);
  write_set(checkpoints.path(), 200);
  auto const folder = set_folder(checkpoints.path(), 200);
  auto const check_reason = [&](std::string const& reason) {
    auto const found = find_sets(checkpoints.path());
    CHECK(complete_steps(checkpoints.path()) == Steps{100});
    REQUIRE(found.skipped.size() == 1);
    CHECK_THAT(found.skipped.front().what, ContainsSubstring(reason));
    CHECK_FALSE(found.skipped.front().remedy.empty());
  };
  SECTION("where a file is missing") {
    fs::remove(folder / "shard_0.h5");
    check_reason("the file is missing");
  }
  SECTION("where a file was cut short") {
    fs::resize_file(folder / "shard_0.h5", 10);
    check_reason("has 10 bytes");
  }
  SECTION("where the manifest was altered") {
    auto const manifest = folder / manifest_name;
    test::flip_bit(manifest, test::bytes_of(manifest).find("quiet"));
    check_reason("was altered");
  }
  SECTION("where the folder bears another step") {
    fs::rename(folder, set_folder(checkpoints.path(), 300));
    check_reason("holds the checkpoint of step 200");
  }
}

TEST_CASE("all altered files of a set are named") {
  test::ScratchFolder const checkpoints;
  write_set(checkpoints.path(), 100);
  auto const set = *newest_complete(checkpoints.path());
  CHECK(check_files(set).empty());
  test::flip_bit(set.folder / "shard_0.h5", 700);
  auto const problems = check_files(set);
  REQUIRE(problems.size() == 1);
  CHECK(problems.front().where == (set.folder / "shard_0.h5").string());
}

TEST_CASE("a set starts empty whatever was left at its step") {
  test::ScratchFolder const folder;
  auto const checkpoints = folder.path() / "run" / "checkpoints";
  CHECK(test::names_in(start_set(checkpoints, 100)).empty());
  write_torn(checkpoints, 100);
  CHECK(test::names_in(start_set(checkpoints, 100)).empty());
  write_set(checkpoints, 100);
  CHECK(test::names_in(start_set(checkpoints, 100)).empty());
  CHECK(complete_steps(checkpoints).empty());
}

TEST_CASE("what earlier attempts left is gone before a set is written, what is complete is not") {
  test::ScratchFolder const checkpoints;
  write_set(checkpoints.path(), 100);
  write_torn(checkpoints.path(), 200);
  start_set(checkpoints.path(), 300);
  CHECK(test::names_in(checkpoints.path()) == Names{"step_00000100", "step_00000300"});
}

TEST_CASE("what cannot be read is passed over") {
  test::ScratchFolder const checkpoints;
  write_set(checkpoints.path(), 100);
  write_set(checkpoints.path(), 200);
  auto const file = set_folder(checkpoints.path(), 200) / "shard_0.h5";
  fs::remove(file);
  fs::create_directory(file);
  CHECK(complete_steps(checkpoints.path()) == Steps{100});
  auto const skipped = find_sets(checkpoints.path()).skipped;
  REQUIRE(skipped.size() == 1);
  CHECK_THAT(skipped.front().what, ContainsSubstring("shard_0.h5"));
}

TEST_CASE("of older sets the first from each multiple on is kept for good") {
  test::ScratchFolder const checkpoints;
  Steps const written = {50, 101, 150, 200, 251, 299, 410, 420, 430};
  for (auto const step : written) {
    write_set(checkpoints.path(), step);
    prune(checkpoints.path(), step, {.newest = 2, .every_steps = 100});
  }
  CHECK(complete_steps(checkpoints.path()) == Steps{430, 420, 410, 200, 101});
}

TEST_CASE("pruning keeps the newest complete sets") {
  test::ScratchFolder const checkpoints;
  for (std::uint64_t step = 100; step <= 500; step += 100) write_set(checkpoints.path(), step);
  auto const removed = prune(checkpoints.path(), 500, {.newest = 2});
  CHECK(removed.size() == 3);
  CHECK(test::names_in(checkpoints.path()) == Names{"step_00000400", "step_00000500"});
  CHECK(complete_steps(checkpoints.path()) == Steps{500, 400});
  CHECK(prune(checkpoints.path(), 500, {.newest = 2}).empty());
}

TEST_CASE("sets that a resume has passed over do not count when its own are pruned") {
  test::ScratchFolder const checkpoints;
  for (std::uint64_t const step : {100u, 300u, 200u}) write_set(checkpoints.path(), step);
  prune(checkpoints.path(), 200, {.newest = 1});
  CHECK(complete_steps(checkpoints.path()) == Steps{300, 200});
}

TEST_CASE("pruning never removes the newest complete set") {
  test::ScratchFolder const checkpoints;
  write_set(checkpoints.path(), 100);
  write_torn(checkpoints.path(), 200);
  for (int const keep : {1, 0, -1}) CHECK(prune(checkpoints.path(), 100, {.newest = keep}).empty());
  CHECK(complete_steps(checkpoints.path()) == Steps{100});
}

TEST_CASE("pruning removes torn sets older than the newest complete one and nothing else") {
  test::ScratchFolder const checkpoints;
  write_set(checkpoints.path(), 200);
  write_set(checkpoints.path(), 300);
  fs::remove(checkpoints.path() / "step_00000200" /
             "shard_0.h5");  // damaged, but with a manifest: for its owner
  write_set(checkpoints.path(), 400);
  write_torn(checkpoints.path(), 100);
  write_torn(checkpoints.path(), 500);  // perhaps being written
  fs::create_directory(checkpoints.path() / "step_notes");
  test::put_bytes(checkpoints.path() / "README", "mine");
  CHECK(prune(checkpoints.path(), 400, {}) == std::vector{checkpoints.path() / "step_00000100"});
  CHECK(test::names_in(checkpoints.path()) ==
        Names{"README", "step_00000200", "step_00000300", "step_00000400", "step_00000500", "step_notes"});
}
