// Shards with backups: what is published when, and how a backup takes over.
#include "support/catch.hpp"
#include "told_shard.hpp"

using namespace atl::protocol;
using namespace atl::test;

namespace {

// Shard `shard` of two; fragments 0 and 1, so that each owns one.
ToldShard::Options pair_of_shards(int shard) {
  auto options = shard_options(2, 1);
  options.shard = shard;
  options.shards = 2;
  options.replicated = true;
  options.outer.fragments = 2;
  return options;
}

std::vector<Replica> replicas(ToldShard::Actions const& actions) {
  std::vector<Replica> found;
  for (auto const& send : only<SendReplica>(actions)) found.push_back(send.replica);
  return found;
}

ToldShard::Actions acknowledge(ToldShard& shard, Replica const& replica) {
  return shard.on_shard(1, ReplicaAck{replica.fragment, replica.version}, 0, shard.now_s);
}

// Shard 0, whose backup holds version 0.
ToldShard started_shard() {
  auto options = pair_of_shards(0);
  options.sites = 2;
  ToldShard shard(options);
  acknowledge(shard, Replica{.fragment = 0});
  return shard;
}

// Shard 0 after a commit of site 0's first contribution, and the replica of it.
Replica replica_after_commit(ToldShard& shard) {
  shard.says(0, {.step = 10, .unsent = 10});
  shard.says(1, {.step = 10, .unsent = 10});
  auto const actions = shard.gives(0, 1, 10);
  return replicas(actions).at(0);
}

// Shard 0 is gone: both sites promise its seat to shard 1, and then hear the claim. What the last word leads
// to.
ToldShard::Actions take_over(ToldShard& backup) {
  backup.on_shard_lost(0, 1.0);
  ToldShard::Actions actions;
  for (bool const claims : {false, true}) {
    for (int const site : {0, 1})
      actions = backup.on_promise(
          site, {.incarnation = 1, .seat = 0, .term = 1, .shard = 1, .claims = claims}, 1.0);
  }
  return actions;
}

}  // namespace

TEST_CASE("nobody sees version 0 before the backup holds it") {
  SyncerMachine shard(pair_of_shards(0));
  auto const greeting = shard.on_admitted(0, 1, 0.0);
  CHECK(only<SendRelease>(greeting).empty());
  REQUIRE(replicas(greeting).size() == 1);
  CHECK(only<SendReplica>(greeting).at(0).shard == 1);
  auto const published = shard.on_shard(1, ReplicaAck{.fragment = 0, .version = {}}, 0, 0.0);
  CHECK(only<SendRelease>(published).at(0).site == 0);
  CHECK(only<SendRelease>(shard.on_admitted(1, 1, 0.0)).at(0).site == 1);
}

TEST_CASE("what a site has seen, the backup holds: a commit is released when its replica is acknowledged") {
  auto shard = started_shard();
  auto const replica = replica_after_commit(shard);
  CHECK(replica.version == Version{0, 1});
  CHECK(replica.sites.at(0).fates.back() == Fate{1, Outcome::merged, Reason::none});
  CHECK(only<SendRelease>(shard.says(0, {.step = 11, .unsent = 1, .pending = true, .round = 1})).empty());
  CHECK(only<SendRelease>(shard.on_admitted(0, 2, 0.0)).empty());

  CHECK(acknowledge(shard, {.fragment = 0, .version = {0, 0}}).empty());  // of the version before
  auto const published = acknowledge(shard, replica);
  CHECK(only<SendRelease>(published).size() == 2);
}

TEST_CASE("while the backup's word is awaited no timer of the last round is due") {
  auto shard = started_shard();
  replica_after_commit(shard);
  shard.on_hold(Purpose::finish, shard.now_s);
  shard.now_s += 2.0 * shard_options(2, 1).outer.dead_after_s;
  shard.on_shard(1, Alive{}, 0, shard.now_s);
  shard.on_timer(shard.now_s);
  REQUIRE(shard.next_timer_s());
  CHECK(*shard.next_timer_s() > shard.now_s);
}

TEST_CASE("when the backup is gone and there is no other, commits are released at once") {
  auto shard = started_shard();
  replica_after_commit(shard);
  CHECK(only<SendRelease>(shard.on_shard_lost(1, 1.0)).size() == 2);
}

TEST_CASE("a claim that nobody has heard yet releases nothing that a silent backup may not hold") {
  auto shard = started_shard();
  replica_after_commit(shard);
  shard.waits_until(10.0);
  ToldShard::Actions actions;
  auto const promise = [&](bool claims) {
    for (int const site : {0, 1})
      actions = shard.on_promise(site, {.incarnation = 1, .seat = 0, .term = 1, .shard = 0, .claims = claims},
                                 10.0);
  };
  promise(false);
  CHECK(sent<Seat>(actions, 0).at(0).claims);
  CHECK(only<SendRelease>(actions).empty());
  promise(true);
  CHECK_FALSE(sent<Seat>(actions, 0).at(0).claims);
  CHECK(shard.version(0) == Version{1, 1});
}

TEST_CASE("a backup takes over what it holds, in a new term") {
  auto owner = started_shard();
  auto const replica = replica_after_commit(owner);

  ToldShard backup(pair_of_shards(1));
  auto const kept = backup.on_shard(0, replica, 77, 0.0);
  CHECK(std::get<ReplicaAck>(only<SendToShard>(kept).at(0).message) == ReplicaAck{0, {0, 1}});
  CHECK_FALSE(backup.owns(0));

  auto const actions = take_over(backup);
  CHECK(only<InstallReplica>(actions).at(0).payload == 77);
  CHECK(backup.version(0) == Version{1, 1});
  // The fate first, then the news; no release, since sites may hold this version already.
  auto const to_site_0 = sent<FateNotice>(actions, 0);
  REQUIRE(to_site_0.size() == 1);
  CHECK(to_site_0[0].fate.outcome == Outcome::merged);
  CHECK(sent<Seat>(actions, 0).at(0) == Seat{.seat = 0, .term = 1, .from = 0, .owner = 1});
  for (auto const& send : only<SendRelease>(actions)) CHECK(send.release.fragment == 1);  // its own

  // Site 1 says that it has the version, site 0 that it has not.
  Progress progress{.incarnation = 1, .step = 12, .step_s = 1.0, .fragments = {}};
  progress.fragments.push_back(
      {.fragment = 0, .base = {1, 1}, .unsent = {2, 200}, .round = first_round_of(1)});
  CHECK(only<SendRelease>(backup.on_progress(1, progress, 1.0)).empty());
  progress.fragments[0].base = {1, 0};
  auto const missed = only<SendRelease>(backup.on_progress(0, progress, 1.0));
  REQUIRE(missed.size() == 1);
  CHECK(missed[0].release.version == Version{1, 1});
}

TEST_CASE("a new owner sends whole releases first, differences later, and knows the usual norm") {
  auto owner = started_shard();
  auto replica = replica_after_commit(owner);
  replica.usual = {.merged = 8, .mean = 1.0};
  auto options = pair_of_shards(1);
  options.outer.release_codec = atl::deck::Codec::int4;
  ToldShard backup(options);
  backup.on_shard(0, replica, 77, 0.0);
  take_over(backup);

  auto const gives = [&](std::uint64_t version, double norm) {
    std::uint64_t const round = first_round_of(1) + version;
    Progress progress{.incarnation = 1, .step = 10 + 10 * version, .step_s = 1.0, .fragments = {}};
    progress.fragments.push_back(
        {.fragment = 0, .base = {1, version}, .unsent = {4, 400}, .round = round - 1});
    backup.on_progress(1, progress, 1.0);
    auto contribution = ToldShard::contribution(round, 4, version);
    contribution.base.term = 1;
    return backup.on_contribution(1, contribution, {.payload = round, .norm = norm}, 1.0);
  };
  auto const first = only<SendRelease>(gives(1, 2.0));
  REQUIRE(first.size() == 2);
  CHECK_FALSE(first[1].release.since);
  auto const second = only<SendRelease>(gives(2, 2.0));
  REQUIRE(second.size() == 2);
  CHECK(second[1].release.since == Version{1, 2});
  CHECK(commits(gives(3, 2000.0)).empty());  // half of the sites is not most
}

TEST_CASE("after a takeover neither contributions nor replicas of the old term count") {
  auto owner = started_shard();
  auto const replica = replica_after_commit(owner);
  ToldShard backup(pair_of_shards(1));
  backup.on_shard(0, replica, 77, 0.0);
  take_over(backup);

  auto const late = backup.gives(1, 1, 10);
  CHECK(only<DiscardPayload>(late).size() == 1);
  CHECK(sent<FateNotice>(late, 1).empty());
  CHECK(backup.rejections().at(Reason::old_term) == 1);

  auto newer = replica;
  newer.version.commits = 2;
  auto const refused = backup.on_shard(0, newer, 78, 1.0);
  CHECK(only<DiscardPayload>(refused).at(0).payload == 78);
  CHECK(backup.version(0) == Version{1, 1});
}

TEST_CASE("an owner that is replaced drops its rounds, and is a backup from then on") {
  auto shard = started_shard();
  shard.says(0, {.step = 10, .unsent = 10});
  shard.says(1, {.step = 10, .unsent = 10});
  auto const actions = shard.on_shard(1, Seat{.seat = 0, .term = 1, .owner = 1}, 0, 1.0);
  CHECK_FALSE(shard.owns(0));
  CHECK(commits(shard.gives(0, 1, 10)).empty());
  auto const kept =
      shard.on_shard(1, Replica{.fragment = 0, .version = {1, 3}, .next_due = 5, .sites = {{}, {}}}, 9, 1.0);
  CHECK(only<SendToShard>(kept).size() == 1);

  std::vector<PromiseRequest> requests;
  for (auto const& asked : only<SendToSite>(shard.on_shard_lost(1, 1.0))) {
    auto const* request = std::get_if<PromiseRequest>(&asked.message);
    if (request && request->seat == 0 && asked.site == 0) requests.push_back(*request);
  }
  CHECK(requests == std::vector{PromiseRequest{.seat = 0, .term = 2, .from = 1, .shard = 0}});
}

TEST_CASE("a site whose process is gone is neither waited for nor merged") {
  ToldShard shard(shard_options(2, 2));
  shard.says(0, {.step = 10, .unsent = 10});
  shard.says(1, {.step = 10, .unsent = 10});
  shard.gives(0, 1, 10);
  auto const actions = shard.on_site_lost(0, 1.0);
  CHECK(only<DiscardPayload>(actions).size() == 1);
  CHECK(commits(shard.gives(1, 1, 10)).empty());
  CHECK(shard.waiting_for().find("site 0 (lost)") != std::string::npos);
}

TEST_CASE("a site that heals gets every fragment, but is neither asked nor counted until it has healed") {
  ToldShard shard(shard_options(2, 1));
  shard.says(0, {.step = 8, .unsent = 8});
  shard.on_site_lost(1, 1.0);
  CHECK(only<SendRelease>(shard.on_admitted(1, 2, 1.0, true)).size() == 1);
  auto const welcome = shard.welcome(1);
  CHECK(welcome.donors == std::vector<std::uint32_t>{0});
  CHECK(shard.welcome(0).donors.empty());

  Progress progress{.incarnation = 2, .step = 30, .step_s = 1.0, .heals = true, .fragments = {}};
  progress.fragments.push_back({.fragment = 0, .base = {0, 0}, .unsent = {5, 500}});
  shard.on_progress(1, progress, 1.0);
  CHECK(shard.clock() == 8);
  CHECK(pulled(shard.says(0, {.step = 10, .unsent = 10})) == std::vector{0});
  progress.heals = false;
  CHECK(pulled(shard.on_progress(1, progress, 1.0)) == std::vector{1});
}

TEST_CASE("what is measured from the newest version is refused from a base that the new owner never had") {
  auto options = pair_of_shards(1);
  options.outer.anchor = GENERATE(atl::deck::Anchor::base, atl::deck::Anchor::current);
  ToldShard backup(options);
  Replica replica{.fragment = 0, .version = {0, 3}, .next_due = 0, .sites = {{}, {}}, .usual = {}};
  backup.on_shard(0, replica, 77, 0.0);
  take_over(backup);
  Progress progress{.incarnation = 1, .step = 12, .step_s = 1.0, .fragments = {}};
  progress.fragments.push_back(
      {.fragment = 0, .base = {1, 2}, .unsent = {2, 200}, .round = first_round_of(1)});
  bool const is_asked = !pulled(backup.on_progress(0, progress, 1.0)).empty();
  CHECK(is_asked == (options.outer.anchor == atl::deck::Anchor::base));
}

TEST_CASE("where every site heals, those that heal decide who owns a seat") {
  auto options = pair_of_shards(1);
  options.sites = 1;
  SyncerMachine backup(options);
  backup.on_admitted(0, 1, 0.0, /*heals=*/true);
  backup.on_shard_lost(0, 1.0);
  Promise promise{.incarnation = 1, .seat = 0, .term = 1, .shard = 1};
  backup.on_promise(0, promise, 1.0);
  promise.claims = true;
  backup.on_promise(0, promise, 1.0);
  CHECK(backup.owns(0));
}
