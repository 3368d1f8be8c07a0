#include "protocol/message.hpp"

#include <limits>
#include <optional>

#include "base/error.hpp"
#include "base/rng.hpp"
#include "support/catch.hpp"

using namespace atl;
using namespace atl::protocol;

namespace {

constexpr auto large = std::numeric_limits<std::uint64_t>::max();

// One of every kind, with every field away from its default.
std::vector<Message> examples() {
  return {
      Hello{.version = 9,
            .incarnation = 2,
            .heals = true,
            .parameters = {large, 7},
            .agreement = "outer.quorum = 2\n"},
      Welcome{.refusal = "outer.quorum differs",
              .shard = 1,
              .donors = {3, 0},
              .step = 17,
              .seats = {{.seat = 1, .term = 4, .from = 2, .owner = 3}, {.seat = 2}}},
      Progress{.incarnation = 1,
               .step = 240,
               .step_s = 0.125,
               .loss = -1e-300,
               .heals = true,
               .holding = true,
               .leaving = true,
               .stop_requested = true,
               .fragments = {{.fragment = 5,
                              .base = {1, 9},
                              .unsent = {3, 6144},
                              .pending = 3,
                              .round = 11,
                              .open_round = 10,
                              .lacks = {1, 10}},
                             {.fragment = 6, .base = {}, .unsent = {}, .pending = 0, .round = large}}},
      Pull{.fragment = 4, .round = 17, .fate = {16, Outcome::rejected, Reason::not_finite}},
      Cancel{.fragment = 1, .round = 2},
      Contribution{
          .fragment = 3, .round = 8, .incarnation = 2, .base = {0, 7}, .step = 91, .work = {24, 49152}},
      Release{.fragment = 2,
              .round = 8,
              .version = {1, 8},
              .fate = {8, Outcome::merged, Reason::none},
              .since = Version{1, 7}},
      FateNotice{.fragment = 9, .fate = {4, Outcome::dropped, Reason::unknown_round}},
      Hold{.id = 1, .purpose = Purpose::finish},
      Held{.id = large},
      Save{.id = 1, .step = 100},
      Saved{.id = 1, .files = {{"site_0.h5", 1 << 20, {1, 2}}, {"", 0, {}}}, .failure = "disk is full"},
      Go{.id = 1, .leave = true},
      Report{.line = std::string("{\"event\": \"step\"}\0\xff", 19)},
      Bye{},
      Seat{.seat = 1, .term = 4, .from = 2, .owner = 3, .claims = true},
      StateRequest{.site = 2, .incarnation = 5},
      StateData{.incarnation = 5, .step = 77},
      Replica{.fragment = 2,
              .version = {1, 8},
              .next_due = 48,
              .sites = {{.fates = {{8, Outcome::merged, Reason::none}}, .needed = {1, 8}}, {}}},
      ReplicaAck{.fragment = 2, .version = {1, 8}},
      Alive{},
      PromiseRequest{.seat = 1, .term = 5, .from = 4, .shard = 2},
      Promise{.incarnation = 2, .seat = 1, .term = 5, .shard = 2, .claims = true},
      Marker{.id = 3, .step = 120, .bulk = true},
      Depart{},
      Recruit{.site = 3, .incarnation = 2},
  };
}

}  // namespace

TEST_CASE("every message is what it was after a journey") {
  auto const messages = examples();
  REQUIRE(messages.size() == std::variant_size_v<Message>);
  for (std::size_t i = 0; i < messages.size(); ++i) {
    INFO("type " << i);
    REQUIRE(messages[i].index() == i);
    CHECK(decode(encode(messages[i])) == messages[i]);
  }
}

TEST_CASE("numbers travel little-endian, whatever the machine") {
  auto const bytes = encode(Cancel{.fragment = 0x01020304, .round = 0x0a0b});
  std::vector<int> values;
  for (auto const b : bytes) values.push_back(std::to_integer<int>(b));
  CHECK(values == std::vector{4, 4, 3, 2, 1, 0x0b, 0x0a, 0, 0, 0, 0, 0, 0});
}

TEST_CASE("what has a payload goes by the bulk lane, all else by the control lane") {
  std::vector<std::size_t> bulk;
  for (auto const& message : examples()) {
    if (is_bulk(message)) bulk.push_back(message.index());
  }
  CHECK(bulk == std::vector<std::size_t>{Message(Contribution{}).index(), Message(Release{}).index(),
                                         Message(StateData{}).index(), Message(Replica{}).index(),
                                         Message(Marker{}).index()});
}

TEST_CASE("a message cut short anywhere, or with a byte too many, is refused") {
  for (auto const& message : examples()) {
    auto bytes = encode(message);
    for (std::size_t length = 0; length < bytes.size(); ++length) {
      INFO("type " << message.index() << ", " << length << " of " << bytes.size() << " bytes");
      REQUIRE_THROWS_AS(decode(std::span(bytes).first(length)), base::RuntimeFailure);
    }
    bytes.push_back(std::byte{0});
    CHECK_THROWS_AS(decode(bytes), base::RuntimeFailure);
  }
}

TEST_CASE("an unknown type, choice or truth value is refused") {
  auto const refused = [](Message const& message, std::size_t at, int value) {
    auto bytes = encode(message);
    bytes.at(at) = static_cast<std::byte>(value);
    try {
      decode(bytes);
      return false;
    } catch (base::RuntimeFailure const&) {
      return true;
    }
  };
  CHECK(refused(Bye{}, 0, static_cast<int>(std::variant_size_v<Message>)));
  CHECK(refused(Go{}, 9, 2));
  CHECK(refused(Hold{}, 9, 3));
  CHECK_FALSE(refused(Hold{}, 9, 2));
  CHECK(refused(FateNotice{}, 13, 7));   // outcome
  CHECK(refused(FateNotice{}, 14, 10));  // reason
}

TEST_CASE("a length beyond the message is refused before anything is allocated for it") {
  auto bytes = encode(Report{.line = "abc"});
  bytes.at(4) = std::byte{0xff};  // four billion characters
  CHECK_THROWS_WITH(decode(bytes), ContainsSubstring("truncated"));

  bytes = encode(Saved{});
  bytes.at(12) = std::byte{0xff};  // four billion files
  CHECK_THROWS_WITH(decode(bytes), ContainsSubstring("impossible length"));
}

TEST_CASE("a message longer than the limit is neither made nor read") {
  CHECK_THROWS_AS(encode(Report{.line = std::string(max_message_bytes, 'x')}), base::RuntimeFailure);
  auto const longest = encode(Report{.line = std::string(max_message_bytes - 5, 'x')});
  CHECK(longest.size() == max_message_bytes);
  CHECK(encode(decode(longest)) == longest);
  CHECK_THROWS_WITH(decode(std::vector<std::byte>(max_message_bytes + 1)), ContainsSubstring("too long"));
}

TEST_CASE("damaged bytes are refused or read as a message of exactly those bytes") {
  base::Philox const random{20240};
  auto const messages = examples();
  std::uint64_t refused = 0;
  constexpr std::uint64_t trials = 30000;
  for (std::uint64_t trial = 0; trial < trials; ++trial) {
    auto bytes = encode(messages[random.below(messages.size(), trial, 0)]);
    if (trial % 3 == 0) {
      bytes.assign(random.below(80, trial, 1), std::byte{});
      for (std::size_t i = 0; i < bytes.size(); ++i) {
        bytes[i] = static_cast<std::byte>(random.below(i == 0 ? 16 : 256, trial, 2 + i));
      }
    } else {
      for (std::uint64_t flip = 0; flip <= random.below(4, trial, 1); ++flip) {
        bytes[random.below(bytes.size(), trial, 2 + 2 * flip)] ^=
            static_cast<std::byte>(1 << random.below(8, trial, 3 + 2 * flip));
      }
    }
    std::optional<Message> read;
    try {
      read = decode(bytes);
    } catch (base::RuntimeFailure const&) {
      ++refused;
    }
    if (read) REQUIRE(encode(*read) == bytes);
  }
  CHECK(refused > trials / 4);  // of 30000: the test tests something
  CHECK(refused < trials);
}

TEST_CASE("outcomes and reasons have the names that logs show") {
  CHECK(std::string(name(Outcome::merged)) == "merged");
  CHECK(std::string(name(Outcome::absent)) == "absent");
  CHECK(std::string(name(Reason::stale_base)) == "stale_base");
  CHECK(std::string(name(Reason::old_incarnation)) == "old_incarnation");
}
