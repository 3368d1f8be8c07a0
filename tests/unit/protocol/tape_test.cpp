#include "protocol/tape.hpp"

#include "random_worlds.hpp"
#include "support/catch.hpp"

using namespace atl;
using namespace atl::protocol;
using namespace atl::test;

namespace {

constexpr Participant shard_0{Participant::Kind::shard, 0};

WorldOptions small() {
  WorldOptions options;
  options.outer.fragments = 2;
  options.outer.interval_steps = 6;
  options.outer.quorum = 1;
  options.steps = 12;
  options.control_delay_s = 0.1;
  options.bulk_delay_s = 0.4;
  options.tapes = true;
  return options;
}

std::vector<TapeEntry> entries_of(Participant who) {
  World world(small());
  world.run();
  REQUIRE(world.failure() == "");
  return world.tapes().at(who);
}

std::vector<std::byte> framed(std::vector<TapeEntry> const& entries) {
  TapeFramer framer;
  std::vector<std::byte> bytes;
  for (auto const& entry : entries) {
    auto const frame = framer.frame(entry);
    bytes.insert(bytes.end(), frame.begin(), frame.end());
  }
  return bytes;
}

}  // namespace

TEST_CASE("a tape is read as it was written") {
  for (auto const who : {Participant{Participant::Kind::site, 1}, shard_0}) {
    auto const entries = entries_of(who);
    auto const bytes = framed(entries);
    auto const read = read_tape(bytes, "tape");
    CHECK(read.bytes == bytes.size());
    REQUIRE(read.entries.size() == entries.size());
    for (std::size_t i = 0; i < entries.size(); ++i) CHECK(encode(read.entries[i]) == encode(entries[i]));
    CHECK(framed(read.entries) == bytes);
  }
}

TEST_CASE("a tape goes on after its last whole entry, wherever it was torn") {
  auto const entries = entries_of(shard_0);
  auto const bytes = framed(entries);
  std::size_t whole = 0;
  for (std::size_t length = 0; length <= bytes.size(); ++length) {
    auto const read = read_tape(std::span(bytes).first(length), "tape");
    CHECK(read.bytes <= length);
    whole = std::max(whole, read.entries.size());
    CHECK(read.entries.size() == whole);
  }
  CHECK(whole == entries.size());

  auto const torn = read_tape(std::span(bytes).first(bytes.size() - 1), "tape");
  TapeFramer framer(torn.last);
  std::vector<std::byte> mended(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(torn.bytes));
  auto const frame = framer.frame(entries.back());
  mended.insert(mended.end(), frame.begin(), frame.end());
  CHECK(mended == bytes);
}

TEST_CASE("a tape with any one byte altered is refused") {
  auto const bytes = framed(entries_of(shard_0));
  for (std::size_t at = 0; at < bytes.size(); ++at) {
    auto altered = bytes;
    altered[at] ^= std::byte{static_cast<unsigned char>(1U << (at % 8))};
    CHECK_THROWS_AS(read_tape(altered, "tape"), base::InputError);
  }
}

TEST_CASE("an entry that is taken out, doubled or changed with its own digest breaks the chain after it") {
  auto const entries = entries_of({Participant::Kind::site, 0});
  TapeFramer framer;
  std::vector<std::vector<std::byte>> frames;
  for (auto const& entry : entries) frames.push_back(framer.frame(entry));
  auto const joined = [](std::vector<std::vector<std::byte>> const& parts) {
    std::vector<std::byte> bytes;
    for (auto const& part : parts) bytes.insert(bytes.end(), part.begin(), part.end());
    return bytes;
  };
  auto without = frames;
  without.erase(without.begin() + 5);
  CHECK_THROWS_AS(read_tape(joined(without), "tape"), base::InputError);
  auto doubled = frames;
  doubled.insert(doubled.begin() + 5, frames[5]);
  CHECK_THROWS_AS(read_tape(joined(doubled), "tape"), base::InputError);

  auto const boundary = std::ranges::find_if(
      entries, [](auto const& entry) { return std::holds_alternative<TapedBoundary>(entry); });
  auto const index = static_cast<std::size_t>(boundary - entries.begin());
  auto changed = std::get<TapedBoundary>(*boundary);
  changed.step = TapedStep{99, 1.0};
  TapeFramer again;
  for (std::size_t i = 0; i < index; ++i) again.frame(entries[i]);
  auto forged = frames;
  forged[index] = again.frame(changed);
  CHECK_THROWS_AS(read_tape(joined(forged), "tape"), base::InputError);
}

TEST_CASE("what is no tape, or another process's, is refused") {
  std::vector<std::byte> const text(100, std::byte{'x'});
  CHECK_THROWS_AS(read_tape(text, "tape"), base::InputError);
  CHECK(read_tape({}, "tape").entries.empty());
  auto const entries = entries_of(shard_0);
  CHECK_THROWS_AS(lives_of(entries, {Participant::Kind::site, 0}, "tape"), base::InputError);
  CHECK_THROWS_AS(lives_of(entries, {Participant::Kind::shard, 1}, "tape"), base::InputError);
  CHECK_THROWS_AS(lives_of({entries.begin() + 1, entries.end()}, shard_0, "tape"), base::InputError);
  CHECK(lives_of(entries, shard_0, "tape").at(1).at(0).entries.size() == entries.size() - 1);
}
