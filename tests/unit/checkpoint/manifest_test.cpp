#include "checkpoint/manifest.hpp"

#include <limits>

#include "base/error.hpp"
#include "support/catch.hpp"
#include "support/file_bytes.hpp"
#include "support/scratch_folder.hpp"

using namespace atl;
using namespace atl::checkpoint;

namespace {

Manifest sample() {
  return {.step = std::numeric_limits<std::uint64_t>::max(),
          .time_s = 0.1,
          .kind = "quiet",
          .layout = {.ranks_per_site = {2, 1}, .shards = 1},
          .deck = "[run]\nname = \"a \\\"quoted\\\" name\"  # \"manifest_digest\": \"\n",
          .param_table = base::digest_of("table"),
          .facts = {{"tokenizer", "data/gcide/tokenizer.model"},
                    {"dataset 0", "4a5b"},
                    {"manifest_digest", "no"}},
          .files = {{.name = "shard_0.h5", .bytes = 12, .digest = base::digest_of("a")},
                    {.name = "site_0_rank_0.h5", .bytes = 0, .digest = base::digest_of("b")}}};
}

// Writes the sample manifest and replaces `from` by `to` in it.
void write_altered(std::filesystem::path const& folder, std::string const& from, std::string const& to) {
  write_manifest(folder, sample());
  auto text = test::bytes_of(folder / manifest_name);
  auto const position = text.find(from);
  REQUIRE(position != std::string::npos);
  test::put_bytes(folder / manifest_name, text.replace(position, from.size(), to));
}

}  // namespace

TEST_CASE("a manifest is read as it was written") {
  test::ScratchFolder const folder;
  write_manifest(folder.path(), sample());
  CHECK(read_manifest(folder.path()) == sample());
  CHECK(test::names_in(folder.path()) == std::vector<std::string>{"manifest.json"});
}

TEST_CASE("the same manifest gives the same bytes") {
  test::ScratchFolder const one, other;
  write_manifest(one.path(), sample());
  write_manifest(other.path(), sample());
  CHECK(test::bytes_of(one.path() / manifest_name) == test::bytes_of(other.path() / manifest_name));
}

TEST_CASE("a manifest finds its files by name") {
  CHECK(sample().file("shard_0.h5").bytes == 12);
  CHECK_THROWS_AS(sample().file("shard_1.h5"), base::InputError);
  CHECK_THROWS_WITH(sample().file("shard_1.h5"), ContainsSubstring("shard_1.h5: is not among the files"));
}

TEST_CASE("a folder without manifest is no checkpoint") {
  test::ScratchFolder const folder;
  CHECK_THROWS_AS(read_manifest(folder.path()), base::InputError);
  CHECK_THROWS_WITH(read_manifest(folder.path()),
                    ContainsSubstring((folder.path() / "manifest.json").string() + ": is missing") &&
                        ContainsSubstring("name a finished checkpoint"));
}

TEST_CASE("a manifest cut short is refused") {
  test::ScratchFolder const folder;
  write_manifest(folder.path(), sample());
  auto const text = test::bytes_of(folder.path() / manifest_name);
  for (std::size_t size = 0; size < text.size(); size += 7) {
    test::put_bytes(folder.path() / manifest_name, text.substr(0, size));
    INFO("the first " << size << " bytes");
    CHECK_THROWS_AS(read_manifest(folder.path()), base::InputError);
  }
}

TEST_CASE("a manifest with one bit flipped is refused") {
  test::ScratchFolder const folder;
  write_manifest(folder.path(), sample());
  auto const size = test::bytes_of(folder.path() / manifest_name).size();
  for (std::size_t offset = 0; offset < size; offset += 3) {
    test::flip_bit(folder.path() / manifest_name, offset);
    INFO("byte " << offset);
    CHECK_THROWS_AS(read_manifest(folder.path()), base::InputError);
    test::flip_bit(folder.path() / manifest_name, offset);
  }
}

TEST_CASE("a manifest that was edited is refused with the remedy") {
  test::ScratchFolder const folder;
  write_altered(folder.path(), "\"shards\": 1", "\"shards\": 2");
  CHECK_THROWS_WITH(read_manifest(folder.path()), ContainsSubstring("was altered since it was written") &&
                                                      ContainsSubstring("use another one"));
}

TEST_CASE("a manifest of a newer format is refused with both versions") {
  test::ScratchFolder const folder;
  write_altered(folder.path(), "\"format_version\": 3", "\"format_version\": 4");
  CHECK_THROWS_WITH(read_manifest(folder.path()),
                    ContainsSubstring("has format version 4, this atoll reads up to 3") &&
                        ContainsSubstring("use the version of atoll that wrote it"));
}

TEST_CASE("a manifest that could not be read again is not written") {
  test::ScratchFolder const folder;
  Manifest timeless = sample(), doubled = sample(), garbled = sample();
  timeless.time_s = std::numeric_limits<double>::infinity();
  doubled.files.push_back(doubled.files.front());
  garbled.facts["tokenizer"].assign(1, '\xff');
  CHECK_THROWS_AS(write_manifest(folder.path(), timeless), base::RuntimeFailure);
  CHECK_THROWS_AS(write_manifest(folder.path(), doubled), base::RuntimeFailure);
  CHECK_THROWS_AS(write_manifest(folder.path(), garbled), base::RuntimeFailure);
  CHECK(test::names_in(folder.path()).empty());
}

TEST_CASE("a manifest for a folder that vanished fails with path and reason") {
  test::ScratchFolder const folder;
  CHECK_THROWS_WITH(
      write_manifest(folder.path() / "gone", sample()),
      ContainsSubstring("gone/manifest.json") && ContainsSubstring("No such file or directory"));
}
