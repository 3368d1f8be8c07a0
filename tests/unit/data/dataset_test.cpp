// Opening a prepared folder: what is found, and what is refused.
#include "data/dataset.hpp"

#include <filesystem>
#include <string>

#include "base/error.hpp"
#include "data/prepare.hpp"
#include "support/catch.hpp"
#include "support/scratch_folder.hpp"
#include "unit/data/sample_text.hpp"

using namespace atl;
using namespace atl::data;

namespace {

struct Prepared {
  test::ScratchFolder folder;
  Dataset dataset;

  Prepared() {
    auto const text = folder.path() / "text";
    test::write_text(text, test::dictionary(200) + "\xFF\n");
    dataset = prepare({.sources = {text.string()},
                       .out = folder.path() / "out",
                       .vocab = 0,
                       .byte_level = true,
                       .validation_fraction = 0.1,
                       .seed = 1,
                       .force = false,
                       .progress = nullptr})
                  .dataset;
  }
};

void flip_last_byte(std::filesystem::path const& file) {
  auto bytes = test::read_file(file);
  bytes.back() ^= 1;
  test::write_text(file, bytes);
}

}  // namespace

TEST_CASE("a dataset is found again as it was prepared") {
  Prepared const made;
  auto const opened = open_dataset(made.dataset.folder);
  CHECK(dataset_record(opened) == dataset_record(made.dataset));
  CHECK(digest_of(opened) == digest_of(made.dataset));
  CHECK(opened.folder == made.dataset.folder);
  CHECK(difference(opened.recipe, made.dataset.recipe).empty());
  CHECK_NOTHROW(check_digests(opened));
}

TEST_CASE("a folder without a dataset is refused with the command that makes one") {
  test::ScratchFolder const folder;
  auto const path = folder.path() / "gcide";
  REQUIRE_FALSE(is_dataset(path));
  REQUIRE_THROWS_AS(open_dataset(path), base::InputError);
  REQUIRE_THROWS_WITH(open_dataset(path), ContainsSubstring(path.string()) &&
                                              ContainsSubstring("`atoll data prepare TEXT --out"));
}

TEST_CASE("a dataset with files missing or of the wrong size is refused, all at once") {
  Prepared const made;
  std::filesystem::remove(made.dataset.train_file());
  std::filesystem::resize_file(made.dataset.validation_file(), 1100);
  try {
    open_dataset(made.dataset.folder);
    FAIL("nothing was refused");
  } catch (base::InputError const& error) {
    REQUIRE(error.problems().size() == 2);
    CHECK_THAT(error.problems()[0].what, ContainsSubstring("is missing"));
    CHECK_THAT(error.problems()[1].what, ContainsSubstring("has 1100 bytes"));
  }
}

TEST_CASE("a changed token passes the quick check and fails the thorough one") {
  Prepared const made;
  flip_last_byte(made.dataset.train_file());
  CHECK_NOTHROW(open_dataset(made.dataset.folder));
  REQUIRE_THROWS_AS(check_digests(made.dataset), base::InputError);
  REQUIRE_THROWS_WITH(check_digests(made.dataset), ContainsSubstring("train.bin"));
}

TEST_CASE("a record that cannot be understood is refused by name") {
  Prepared const made;
  auto record = dataset_record(made.dataset);
  auto const swap = [&](std::string const& from, std::string const& to) {
    auto const at = record.find(from);
    REQUIRE(at != record.npos);
    record.replace(at, from.size(), to);
  };
  SECTION("not JSON") { record.resize(record.size() / 2); }
  SECTION("empty") { record.clear(); }
  SECTION("other JSON") { record = "[1, 2, 3]"; }
  SECTION("a key is missing") { swap("\"vocab\"", "\"vocabulary\""); }
  SECTION("another type") { swap("\"vocab\": 257", "\"vocab\": \"many\""); }
  SECTION("an impossible number") { swap("\"vocab\": 257", "\"vocab\": -1"); }
  SECTION("a version of the future") { swap("\"version\": 1", "\"version\": 2"); }
  SECTION("no digest") { swap("\"tokenizer_digest\": \"", "\"tokenizer_digest\": \"xyz"); }
  test::write_text(made.dataset.record_file(), record);
  REQUIRE_THROWS_AS(open_dataset(made.dataset.folder), base::InputError);
  REQUIRE_THROWS_WITH(open_dataset(made.dataset.folder), ContainsSubstring("dataset.json"));
}
