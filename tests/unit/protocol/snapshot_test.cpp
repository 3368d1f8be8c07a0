// Snapshots that nobody stands still for: markers, what is on its way, and going on from them.
#include "protocol/snapshot.hpp"

#include "support/catch.hpp"
#include "support/memory_archive.hpp"
#include "told_shard.hpp"

using namespace atl;
using namespace atl::protocol;
using namespace atl::test;

namespace {

constexpr Participant site_0{Participant::Kind::site, 0};
constexpr Participant site_1{Participant::Kind::site, 1};
constexpr Participant shard_0{Participant::Kind::shard, 0};

Saved file_of(std::uint64_t id, std::string const& name) {
  return {.id = id, .files = {{name, 10, {}}}, .failure = ""};
}

Marker marker_of(std::vector<SnapshotAction> const& begun) { return std::get<BeginCut>(begun.at(0)).marker; }

}  // namespace

TEST_CASE("a shard records its state at the first marker, and a site's channel until its own") {
  CutRecorder cut;
  CHECK_FALSE(cut.records(0));
  CHECK(cut.begin({.id = 1}, {0, 1}));
  CHECK_FALSE(cut.begin({.id = 1, .bulk = true}, {0, 1}));
  CHECK(cut.records(0));
  cut.on_site_marker(0, {.id = 1});  // by the control lane: contributions may still come
  CHECK(cut.records(0));
  cut.on_site_marker(0, {.id = 1, .bulk = true});
  CHECK_FALSE(cut.records(0));
  CHECK_FALSE(cut.is_complete());
  cut.strike_off(1);
  CHECK(cut.is_complete());
  cut.close();
  CHECK(cut.begin({.id = 2}, {0}));
  CHECK_FALSE(cut.begin({.id = 1}, {0}));  // of one that was given up
  cut.close();                             // given up as well
  CHECK_FALSE(cut.records(0));
}

TEST_CASE("a snapshot is sealed when everyone has written, files in order of name") {
  Snapshot snapshot(30.0);
  auto const marker = marker_of(snapshot.begin(120, {site_0, shard_0}, 0.0));
  CHECK(marker == Marker{.id = marker.id, .step = 120});
  CHECK(snapshot.begin(130, {site_0, shard_0}, 1.0).empty());
  CHECK(snapshot.on_saved(site_0, file_of(marker.id, "site_0.h5")).empty());
  CHECK(snapshot.on_saved(site_0, file_of(marker.id, "again.h5")).empty());
  CHECK(snapshot.on_saved(shard_0, file_of(marker.id + 7, "other.h5")).empty());
  CHECK(snapshot.is_of(marker));
  auto const sealed = std::get<Seal>(snapshot.on_saved(shard_0, file_of(marker.id, "shard_0.h5")).at(0));
  CHECK_FALSE(snapshot.is_of(marker));
  CHECK(sealed.step == 120);
  REQUIRE(sealed.files.size() == 2);
  CHECK(sealed.files[0].name == "shard_0.h5");
  CHECK(sealed.missing.empty());
  CHECK_FALSE(snapshot.is_open());
}

TEST_CASE("a lost site is struck off, a lost shard or a failed write ends the snapshot") {
  Snapshot snapshot(30.0);
  auto const id = marker_of(snapshot.begin(120, {site_0, site_1, shard_0}, 0.0)).id;
  CHECK(snapshot.on_lost(site_1).empty());
  snapshot.on_saved(site_0, file_of(id, "site_0.h5"));
  auto const sealed = std::get<Seal>(snapshot.on_saved(shard_0, file_of(id, "shard_0.h5")).at(0));
  CHECK(sealed.missing == std::vector{site_1});

  snapshot.begin(140, {site_0, shard_0}, 1.0);
  CHECK(std::get<GiveUp>(snapshot.on_lost(shard_0).at(0)).why.find("shard 0") != std::string::npos);
  Saved const failed{
      .id = marker_of(snapshot.begin(150, {site_0, shard_0}, 2.0)).id, .files = {}, .failure = "disk full"};
  CHECK(std::get<GiveUp>(snapshot.on_saved(site_0, failed).at(0)).why.find("disk full") != std::string::npos);
  snapshot.begin(160, {site_0, shard_0}, 3.0);
  CHECK(snapshot.on_timer(32.9).empty());
  CHECK(std::get<GiveUp>(snapshot.on_timer(33.0).at(0)).why.find("site 0") != std::string::npos);
  CHECK_FALSE(snapshot.is_open());
}

TEST_CASE("a snapshot is given up for the end of the run, and no late answer to it passes for one to that") {
  Snapshot snapshot(30.0);
  CHECK(snapshot.give_up("the run ends").empty());  // none is open
  auto const late = file_of(marker_of(snapshot.begin(120, {site_0, shard_0}, 0.0)).id, "site_0.h5");
  CHECK(std::get<GiveUp>(snapshot.give_up("the run ends").at(0)).why ==
        "the run ends, and site 0, shard 0 had not written");
  CHECK_FALSE(snapshot.is_open());

  QuietPoint quiet(1, 1, 5.0);
  quiet.request(Purpose::stop, 121, 1.0);
  quiet.on_held(site_0, {.id = 1}, 1.0);
  quiet.on_held(shard_0, {.id = 1}, 1.0);
  CHECK(quiet.on_saved(site_0, late, 2.0).empty());
  CHECK(quiet.waiting_for() == std::vector{site_0, shard_0});
}

TEST_CASE("a contribution that was on its way at the cut is merged once when its site goes on") {
  auto const options = shard_options(2, 2);
  auto shard = open_round(options);
  shard.gives(0, 1, 10);
  auto const values = saved(shard);  // site 1's contribution is on its way

  SyncerMachine resumed(options);
  resumed.load(MemoryReader(values), 0.0);
  resumed.put_in_flight(1, ToldShard::contribution(1, 10), {.payload = 77});
  CHECK(commits(resumed.on_admitted(0, 2, 0.0)).empty());
  auto const actions = resumed.on_admitted(1, 2, 0.0);
  REQUIRE(commits(actions).size() == 1);
  CHECK(sites_of(commits(actions)[0]) == std::vector{0, 1});
  CHECK(commits(actions)[0].members[1].contribution.incarnation == 2);
  CHECK(commits(actions)[0].members[1].payload == 77);
}

TEST_CASE("fates that were on their way at the cut are told again, to the life that goes on only") {
  auto const options = shard_options(1, 1);
  auto shard = open_round(options);
  shard.gives(0, 1, 10);
  auto const values = saved(shard);

  SyncerMachine resumed(options);
  resumed.load(MemoryReader(values), 0.0);
  CHECK(sent<FateNotice>(resumed.on_admitted(0, 2, 0.0), 0).at(0).fate.outcome == Outcome::merged);

  SyncerMachine other(options);
  other.load(MemoryReader(values), 0.0);
  CHECK(sent<FateNotice>(other.on_admitted(0, 3, 0.0), 0).empty());
}
