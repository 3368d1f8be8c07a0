#include "train/tensorboard.hpp"

#include <bit>
#include <cstring>

#include "base/error.hpp"
#include "support/catch.hpp"
#include "support/file_bytes.hpp"
#include "support/scratch_folder.hpp"
#include "train/metrics.hpp"

using namespace atl;
using namespace atl::train;

namespace {

template <typename Unsigned>
Unsigned little_endian(std::string const& bytes, std::size_t offset) {
  Unsigned value = 0;
  for (std::size_t i = sizeof value; i-- > 0;)
    value = static_cast<Unsigned>(value << 8 | static_cast<unsigned char>(bytes.at(offset + i)));
  return value;
}

// The contents of the records, whose frames must be right.
std::vector<std::string> records_of(std::filesystem::path const& file) {
  auto const mask = [](std::uint32_t crc) { return (crc >> 15 | crc << 17) + 0xa282ead8U; };
  auto const bytes = test::bytes_of(file);
  std::vector<std::string> records;
  for (std::size_t at = 0; at < bytes.size();) {
    auto const size = little_endian<std::uint64_t>(bytes, at);
    REQUIRE(little_endian<std::uint32_t>(bytes, at + 8) == mask(crc32c(bytes.substr(at, 8))));
    records.push_back(bytes.substr(at + 12, size));
    REQUIRE(little_endian<std::uint32_t>(bytes, at + 12 + size) == mask(crc32c(records.back())));
    at += 16 + size;
  }
  return records;
}

// The one file of a folder.
std::filesystem::path only_file(std::filesystem::path const& folder) {
  auto const names = test::names_in(folder);
  REQUIRE(names.size() == 1);
  return folder / names.front();
}

}  // namespace

TEST_CASE("the checksum is Castagnoli's") {
  CHECK(crc32c("") == 0);
  CHECK(crc32c("123456789") == 0xe3069283U);
  CHECK(crc32c(std::string(32, '\0')) == 0x8a9136aaU);  // RFC 3720, B.4
  CHECK(crc32c(std::string(32, '\xff')) == 0x62a8ab43U);
}

TEST_CASE("an event file says its version, where it begins, and then the scalars") {
  test::ScratchFolder const folder;
  auto const path = folder.path() / "events";
  EventFile file(path, 300, 2.0);
  std::vector<EventFile::Scalar> const scalars{{"a", 1.5}};
  REQUIRE(file.write(300, 2.0, scalars));

  auto const records = records_of(path);
  REQUIRE(records.size() == 3);
  std::string const two("\x09\0\0\0\0\0\0\0\x40", 9);  // wall_time: 2.0
  CHECK(records[0] == two + std::string("\x10\0", 2) + "\x1a\x0d" + "brain.Event:2");
  CHECK(records[1] == two + "\x10\xac\x02" + "\x3a\x02\x08\x01");
  CHECK(records[2] ==
        two + "\x10\xac\x02" + "\x2a\x0a\x0a\x08" + "\x0a\x01" + "a" + std::string("\x15\0\0\xc0\x3f", 5));
}

TEST_CASE("sites and the syncer have files of their own, which start where their first line stands") {
  test::ScratchFolder const folder;
  TensorBoard board(folder.path() / "tensorboard");
  board.observe(resume_json(4, "set", 0.0));
  board.observe(to_json(StepLine{.site = 1, .step = 7, .loss = 2.0}));
  board.observe(to_json(EvalLine{.site = 1, .step = 7, .val_loss = 1.0}));
  board.observe(to_json(CommitLine{.step = 6, .members = {0, 1}, .staleness = {0, 3}}));
  board.observe(to_json(CheckpointLine{}));

  CHECK(test::names_in(folder.path() / "tensorboard") == std::vector<std::string>{"site_1", "syncer"});
  auto const site = records_of(only_file(folder.path() / "tensorboard/site_1"));
  REQUIRE(site.size() == 4);
  CHECK(site[1].find("\x10\x07\x3a\x02\x08\x01") == 9);  // step 7, a session's start
  CHECK(site[2].find("train/loss") != std::string::npos);
  CHECK(site[3].find("validation/loss") != std::string::npos);
  auto const syncer = records_of(only_file(folder.path() / "tensorboard/syncer"));
  CHECK(syncer.at(1).find("\x10\x05\x3a\x02\x08\x01") == 9);  // the step after the resume
  auto const& commit = syncer.at(2);
  CHECK(commit.find(std::string("commit/members\x15\0\0\0\x40", 19)) != std::string::npos);      // 2
  CHECK(commit.find(std::string("commit/staleness\x15\0\0\x40\x40", 21)) != std::string::npos);  // 3
}

TEST_CASE("a loss that is no number is left out, and a line that is no metrics line changes nothing") {
  test::ScratchFolder const folder;
  TensorBoard board(folder.path());
  board.observe("not json");
  board.observe(R"({"event":"step","step":"one"})");
  CHECK(test::names_in(folder.path()).empty());
  board.observe(R"({"event":"step","time_s":0.1,"step":1,"site":0,"loss":null,"lr":0.5})");
  auto const record = records_of(only_file(folder.path() / "site_0")).at(2);
  CHECK(record.find("train/loss") == std::string::npos);
  CHECK(record.find("train/lr") != std::string::npos);
}

TEST_CASE("events that cannot be written are lost, and the run goes on") {
  test::ScratchFolder const folder;
  test::put_bytes(folder.path() / "occupied", "a file where a folder should be");
  TensorBoard board(folder.path() / "occupied");
  CHECK_NOTHROW(board.observe(to_json(StepLine{})));
  CHECK_THROWS_AS(EventFile(folder.path() / "none" / "events", 0, 0.0), base::RuntimeFailure);
}
