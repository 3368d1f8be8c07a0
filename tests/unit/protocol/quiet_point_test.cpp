// Bringing the whole run to rest, event by event.
#include "protocol/quiet_point.hpp"

#include "actions.hpp"
#include "support/catch.hpp"

using namespace atl;
using namespace atl::protocol;
using namespace atl::test;

namespace {

constexpr Participant site_0{Participant::Kind::site, 0};
constexpr Participant site_1{Participant::Kind::site, 1};
constexpr Participant shard_0{Participant::Kind::shard, 0};

using Actions = std::vector<QuietAction>;

template <class T>
T broadcast(Actions const& actions, std::size_t index = 0) {
  REQUIRE(index < actions.size());
  return std::get<T>(std::get<SendToAll>(actions[index]).message);
}

Saved written(std::uint64_t id, std::string const& name) {
  return {.id = id, .files = {{.name = name, .bytes = 10, .digest = {1, 2}}}, .failure = ""};
}

std::vector<std::string> names(Seal const& seal) {
  std::vector<std::string> all;
  for (auto const& file : seal.files) all.push_back(file.name);
  return all;
}

// Two sites and a shard, patient for 5 s; everybody is at rest for a request of this purpose.
QuietPoint saving(Purpose purpose) {
  QuietPoint quiet(2, 1, 5.0);
  quiet.request(purpose, 100, 0.0);
  quiet.on_held(site_0, {.id = 1}, 1.0);
  quiet.on_held(shard_0, {.id = 1}, 1.0);
  quiet.on_held(site_1, {.id = 1}, 2.0);
  return quiet;
}

}  // namespace

TEST_CASE("everyone holds, then everyone saves, then the set is sealed and training goes on") {
  QuietPoint quiet(2, 1, 5.0);
  CHECK_FALSE(quiet.is_active());
  CHECK(broadcast<Hold>(quiet.request(Purpose::checkpoint, 100, 0.0)) ==
        Hold{.id = 1, .purpose = Purpose::checkpoint});
  CHECK(quiet.purpose() == Purpose::checkpoint);
  CHECK(quiet.on_held(site_0, {.id = 1}, 1.0).empty());
  CHECK(quiet.waiting_for() == std::vector{site_1, shard_0});
  CHECK(quiet.on_held(shard_0, {.id = 1}, 1.0).empty());
  CHECK(broadcast<Save>(quiet.on_held(site_1, {.id = 1}, 2.0)) == Save{.id = 1, .step = 100});
  CHECK(quiet.next_timer_s() == 2.0 + 30 * 5.0);  // writing may take longer than coming to rest

  CHECK(quiet.on_saved(shard_0, written(1, "shard_0.h5"), 3.0).empty());
  CHECK(quiet.waiting_for() == std::vector{site_0, site_1});
  CHECK(quiet.on_saved(site_1, written(1, "site_1.h5"), 3.0).empty());
  auto const actions = quiet.on_saved(site_0, written(1, "site_0.h5"), 3.0);
  REQUIRE(actions.size() == 2);
  auto const seal = std::get<Seal>(actions[0]);  // before anyone trains on
  CHECK(seal.step == 100);
  CHECK(names(seal) == std::vector<std::string>{"shard_0.h5", "site_0.h5", "site_1.h5"});
  CHECK(seal.missing.empty());
  CHECK(broadcast<Go>(actions, 1) == Go{.id = 1, .leave = false});
  CHECK_FALSE(quiet.is_active());
  CHECK_FALSE(quiet.is_over());

  CHECK(broadcast<Hold>(quiet.request(Purpose::checkpoint, 200, 9.0)).id == 2);
}

TEST_CASE("who is told to save and never answers does not hold the others for ever") {
  QuietPoint quiet(1, 1, 5.0);
  quiet.request(Purpose::checkpoint, 100, 0.0);
  CHECK(quiet.on_held(site_0, {.id = 1}, 1.0).empty());
  CHECK(broadcast<Save>(quiet.on_held(shard_0, {.id = 1}, 1.0)).id == 1);
  CHECK(quiet.on_saved(shard_0, written(1, "shard_0.h5"), 2.0).empty());
  double const deadline_s = quiet.next_timer_s().value();
  CHECK(quiet.on_timer(deadline_s - 0.1).empty());
  auto const actions = quiet.on_timer(deadline_s);
  REQUIRE(actions.size() == 2);
  CHECK_THAT(std::get<GiveUp>(actions[0]).why, ContainsSubstring("site 0"));
  CHECK(broadcast<Go>(actions, 1) == Go{.id = 1, .leave = false});
  CHECK(quiet.on_saved(site_0, written(1, "site_0.h5"), deadline_s + 1).empty());
}

TEST_CASE("stop and finish end the run") {
  auto const purpose = GENERATE(Purpose::stop, Purpose::finish);
  auto quiet = saving(purpose);
  for (auto const& who : {site_0, site_1}) CHECK(quiet.on_saved(who, written(1, "x"), 3.0).empty());
  auto const actions = quiet.on_saved(shard_0, written(1, "y"), 3.0);
  CHECK(std::get<Seal>(actions.at(0)).purpose == purpose);
  CHECK(broadcast<Go>(actions, 1).leave);
  CHECK(quiet.is_over());
  CHECK(quiet.request(Purpose::checkpoint, 300, 4.0).empty());
}

TEST_CASE("a participant without a file of its own takes part") {
  auto quiet = saving(Purpose::checkpoint);
  quiet.on_saved(site_0, written(1, "a"), 3.0);
  quiet.on_saved(site_1, {.id = 1, .files = {}, .failure = ""}, 3.0);
  CHECK(names(std::get<Seal>(quiet.on_saved(shard_0, written(1, "b"), 3.0).at(0))) ==
        std::vector<std::string>{"a", "b"});
}

TEST_CASE("what is said twice, by a stranger, or of another quiet point is ignored") {
  QuietPoint quiet(2, 1, 5.0);
  CHECK(quiet.on_held(site_0, {.id = 0}, 0.0).empty());
  CHECK(quiet.on_saved(site_0, written(0, "x"), 0.0).empty());
  CHECK(quiet.on_timer(100.0).empty());
  quiet.request(Purpose::checkpoint, 1, 0.0);
  quiet.on_held(site_0, {.id = 1}, 0.0);
  quiet.on_held(site_0, {.id = 1}, 0.0);
  quiet.on_held(site_1, {.id = 7}, 0.0);
  quiet.on_held({Participant::Kind::site, 2}, {.id = 1}, 0.0);
  CHECK(quiet.waiting_for() == std::vector{site_1, shard_0});
  quiet.on_held(site_1, {.id = 1}, 0.0);
  quiet.on_held(shard_0, {.id = 1}, 0.0);
  quiet.on_saved(site_0, written(1, "a"), 0.0);
  quiet.on_saved(site_0, written(1, "a"), 0.0);
  quiet.on_saved(site_1, written(2, "b"), 0.0);
  quiet.on_saved(site_1, written(1, "b"), 0.0);
  auto const actions = quiet.on_saved(shard_0, written(1, "c"), 0.0);
  CHECK(names(std::get<Seal>(actions.at(0))) == std::vector<std::string>{"a", "b", "c"});
}

TEST_CASE("a checkpoint that does not find rest in time is given up, by name") {
  QuietPoint quiet(2, 1, 5.0);
  quiet.request(Purpose::checkpoint, 100, 10.0);
  quiet.on_held(site_0, {.id = 1}, 11.0);
  CHECK(quiet.next_timer_s() == 15.0);
  CHECK(quiet.on_timer(14.9).empty());
  auto const actions = quiet.on_timer(15.0);
  REQUIRE(actions.size() == 2);
  CHECK(std::get<GiveUp>(actions[0]).why == "not at rest after 5 s: site 1, shard 0");
  CHECK(broadcast<Go>(actions, 1) == Go{.id = 1, .leave = false});
  CHECK_FALSE(quiet.is_active());
  CHECK(quiet.on_held(site_1, {.id = 1}, 16.0).empty());
}

TEST_CASE("stop and finish save those that are at rest in time, and name who is missing") {
  QuietPoint quiet(2, 1, 5.0);
  quiet.request(GENERATE(Purpose::stop, Purpose::finish), 100, 0.0);
  quiet.on_held(site_0, {.id = 1}, 1.0);
  quiet.on_held(shard_0, {.id = 1}, 1.0);
  CHECK(quiet.on_timer(19.9).empty());  // four times as patient as for a checkpoint
  CHECK(broadcast<Save>(quiet.on_timer(20.0)) == Save{.id = 1, .step = 100});
  CHECK(quiet.on_held(site_1, {.id = 1}, 21.0).empty());  // too late
  CHECK(quiet.on_saved(site_1, written(1, "site_1.h5"), 21.0).empty());
  quiet.on_saved(site_0, written(1, "site_0.h5"), 22.0);
  auto const actions = quiet.on_saved(shard_0, written(1, "shard_0.h5"), 22.0);
  auto const seal = std::get<Seal>(actions.at(0));
  CHECK(seal.missing == std::vector{site_1});
  CHECK(names(seal) == std::vector<std::string>{"shard_0.h5", "site_0.h5"});
  CHECK(broadcast<Go>(actions, 1).leave);
}

TEST_CASE("a stop that nobody comes to rest for ends the run without a set") {
  QuietPoint quiet(1, 1, 5.0);
  quiet.request(Purpose::stop, 100, 0.0);
  auto const actions = quiet.on_timer(20.0);
  CHECK(std::holds_alternative<GiveUp>(actions.at(0)));
  CHECK(broadcast<Go>(actions, 1).leave);
  CHECK(quiet.is_over());
}

TEST_CASE("one who cannot save ends the attempt, by name and cause") {
  auto const purpose = GENERATE(Purpose::checkpoint, Purpose::stop, Purpose::finish);
  auto quiet = saving(purpose);
  quiet.on_saved(site_0, written(1, "a"), 3.0);
  auto const actions =
      quiet.on_saved(site_1, {.id = 1, .files = {}, .failure = "no space left on device"}, 3.0);
  REQUIRE(actions.size() == 2);
  CHECK(std::get<GiveUp>(actions[0]).why == "site 1 could not save: no space left on device");
  CHECK(broadcast<Go>(actions, 1).leave == (purpose != Purpose::checkpoint));
  CHECK(quiet.on_saved(shard_0, written(1, "b"), 4.0).empty());
}

TEST_CASE("a request while one of the same or a higher rank is under way is ignored") {
  QuietPoint quiet(2, 1, 5.0);
  quiet.request(Purpose::stop, 100, 0.0);
  for (auto const purpose : {Purpose::checkpoint, Purpose::stop, Purpose::finish}) {
    CHECK(quiet.request(purpose, 101, 1.0).empty());
  }
  CHECK(quiet.purpose() == Purpose::stop);
  CHECK(quiet.next_timer_s() == 20.0);
}

TEST_CASE("a stop turns a checkpoint that still waits for rest into a stop") {
  QuietPoint quiet(1, 1, 5.0);
  quiet.request(Purpose::checkpoint, 100, 0.0);
  quiet.on_held(site_0, {.id = 1}, 1.0);
  CHECK(broadcast<Hold>(quiet.request(Purpose::stop, 101, 2.0)) == Hold{.id = 2, .purpose = Purpose::stop});
  CHECK(quiet.next_timer_s() == 22.0);
  // An answer to the first Hold says nothing of the second.
  CHECK(quiet.on_held(shard_0, {.id = 1}, 3.0).empty());
  CHECK(quiet.waiting_for() == std::vector{site_0, shard_0});
  quiet.on_held(site_0, {.id = 2}, 3.0);
  CHECK(broadcast<Save>(quiet.on_held(shard_0, {.id = 2}, 3.0)) == Save{.id = 2, .step = 101});
}

TEST_CASE("a finish that comes while a checkpoint is written follows it") {
  auto quiet = saving(Purpose::checkpoint);
  CHECK(quiet.request(Purpose::finish, 120, 2.5).empty());
  CHECK(quiet.request(Purpose::stop, 121, 2.6).empty());  // the first of them counts
  quiet.on_saved(site_0, written(1, "a"), 3.0);
  SECTION("sealed") {
    quiet.on_saved(site_1, written(1, "b"), 3.0);
    auto const actions = quiet.on_saved(shard_0, written(1, "c"), 3.0);
    REQUIRE(actions.size() == 3);
    CHECK(std::holds_alternative<Seal>(actions[0]));
    CHECK_FALSE(broadcast<Go>(actions, 1).leave);
    CHECK(broadcast<Hold>(actions, 2) == Hold{.id = 2, .purpose = Purpose::finish});
  }
  SECTION("or failed") {
    auto const actions = quiet.on_saved(site_1, {.id = 1, .files = {}, .failure = "full"}, 3.0);
    REQUIRE(actions.size() == 3);
    CHECK(std::holds_alternative<GiveUp>(actions[0]));
    CHECK(broadcast<Hold>(actions, 2).purpose == Purpose::finish);
  }
  CHECK(quiet.purpose() == Purpose::finish);
}

TEST_CASE("who takes back that it is at rest is waited for again") {
  QuietPoint quiet(2, 1, 5.0);
  quiet.request(Purpose::finish, 100, 0.0);
  quiet.on_held(shard_0, {.id = 1}, 1.0);
  quiet.on_held(site_0, {.id = 1}, 1.0);
  CHECK(quiet.on_held(shard_0, {.id = 1, .taken_back = true}, 1.5).empty());
  CHECK(quiet.on_held(site_1, {.id = 1}, 2.0).empty());
  CHECK(quiet.waiting_for() == std::vector{shard_0});
  CHECK(broadcast<Save>(quiet.on_held(shard_0, {.id = 1}, 3.0)).id == 1);
}

TEST_CASE("who takes it back while others write has everyone come to rest once more") {
  auto quiet = saving(Purpose::finish);
  CHECK(broadcast<Hold>(quiet.on_held(shard_0, {.id = 1, .taken_back = true}, 3.0)) ==
        Hold{.id = 2, .purpose = Purpose::finish});
  CHECK(quiet.on_saved(site_0, written(1, "site_0.h5"), 3.5).empty());
  CHECK(quiet.waiting_for().size() == 3);
}

TEST_CASE("while sites move on their way to rest, the patience with a finish begins anew") {
  QuietPoint quiet(2, 1, 5.0);
  quiet.request(Purpose::finish, 100, 0.0);
  quiet.on_held(site_0, {.id = 1}, 1.0);
  quiet.on_movement(15.0);
  CHECK(quiet.next_timer_s() == 15.0 + 4 * 5.0);
  quiet.on_movement(2.0);
  CHECK(quiet.on_timer(34.0).empty());
  CHECK(broadcast<Save>(quiet.on_timer(35.0)).id == 1);
}

TEST_CASE("a checkpoint has one patience, whoever moves") {
  QuietPoint quiet(2, 1, 5.0);
  quiet.request(Purpose::checkpoint, 100, 0.0);
  quiet.on_movement(4.0);
  CHECK(quiet.next_timer_s() == 5.0);
}

TEST_CASE("who is lost for good is not waited for, and what others write meanwhile is void") {
  constexpr Participant shard_1{Participant::Kind::shard, 1};
  QuietPoint quiet(1, 2, 5.0);
  quiet.request(Purpose::finish, 100, 0.0);
  quiet.on_held(site_0, {.id = 1}, 1.0);
  SECTION("on its way to rest") {
    CHECK(quiet.on_held(shard_0, {.id = 1}, 1.0).empty());
    CHECK(broadcast<Save>(quiet.on_lost(shard_1, 2.0)).id == 1);
  }
  SECTION("while all write") {
    quiet.on_held(shard_0, {.id = 1}, 1.0);
    quiet.on_held(shard_1, {.id = 1}, 1.0);
    CHECK(broadcast<Hold>(quiet.on_lost(shard_1, 2.0)).id == 2);
    quiet.on_held(site_0, {.id = 2}, 3.0);
    CHECK(broadcast<Save>(quiet.on_held(shard_0, {.id = 2}, 3.0)).id == 2);
  }
}
