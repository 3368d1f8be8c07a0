// Releases as differences: who gets one, and how a site that cannot use it comes to the whole.
#include "support/catch.hpp"
#include "told_shard.hpp"
#include "trained_site.hpp"

using namespace atl;
using namespace atl::protocol;
using namespace atl::test;

namespace {

ToldShard::Options coded(int sites) {
  auto options = shard_options(sites, 1);
  options.outer.release_codec = deck::Codec::int4;
  return options;
}

// Site 0's contribution makes the version `round`.
ToldShard::Actions commit(ToldShard& shard, std::uint64_t round) {
  shard.says(0, {.step = 10 * round, .unsent = 10, .base = round - 1, .round = round - 1});
  return shard.gives(0, round, 10, round - 1);
}

std::optional<Version> since(ToldShard::Actions const& actions, int site) {
  for (auto const& send : only<SendRelease>(actions)) {
    if (send.site == site) return send.release.since;
  }
  FAIL("nothing was sent to site " << site);
  return {};
}

HeldRelease difference(std::uint64_t version, PayloadHandle payload, Fate fate = {}) {
  auto held = release(version, version, fate);
  held.release.since = Version{0, version - 1};
  held.payload = payload;
  return held;
}

}  // namespace

TEST_CASE("a site that was sent the version before gets the difference, at its start the whole") {
  SyncerMachine fresh(coded(1));
  CHECK_FALSE(since(fresh.on_admitted(0, 1, 0.0), 0));

  ToldShard shard(coded(1));
  CHECK(since(commit(shard, 1), 0) == Version{0, 0});
  CHECK(since(commit(shard, 2), 0) == Version{0, 1});
  // A new life knows nothing of the one before.
  CHECK_FALSE(since(shard.on_admitted(0, 2, 0.0), 0));
}

TEST_CASE("releases in 16 or 32 bits are always whole") {
  auto options = coded(1);
  options.outer.release_codec = GENERATE(deck::Codec::fp32, deck::Codec::bf16);
  ToldShard shard(options);
  CHECK_FALSE(since(commit(shard, 1), 0));
}

TEST_CASE("a site that missed a version gets the newest whole, and differences from there") {
  ToldShard shard(coded(2));
  shard.says(1, {.step = 0, .base = 0});
  shard.now_s = 11.0;  // site 1 is silent
  commit(shard, 1);
  auto const actions = shard.says(1, {.step = 0, .base = 0});
  CHECK(only<SendRelease>(actions).size() == 1);
  CHECK_FALSE(since(actions, 1));
  CHECK(since(commit(shard, 2), 1) == Version{0, 1});
}

TEST_CASE("a site far behind gets the whole, which takes the place of what waits for it") {
  ToldShard shard(coded(2));
  shard.says(1, {.step = 0, .base = 0});
  for (std::uint64_t round = 1; round <= 8; ++round) CHECK(since(commit(shard, round), 1));
  CHECK_FALSE(since(commit(shard, 9), 1));
  CHECK(since(commit(shard, 10), 0));
}

TEST_CASE("what a site says it lacks is sent whole, once") {
  ToldShard shard(coded(1));
  commit(shard, 1);
  commit(shard, 2);
  Progress progress{
      .incarnation = 1, .step = 25, .fragments = {{.fragment = 0, .base = {0, 1}, .lacks = {0, 2}}}};
  auto const actions = shard.on_progress(0, progress, 0.0);
  REQUIRE(only<SendRelease>(actions).size() == 1);
  CHECK(only<SendRelease>(actions)[0].release.version == Version{0, 2});
  CHECK_FALSE(since(actions, 0));
  CHECK(only<SendRelease>(shard.on_progress(0, progress, 0.0)).empty());
}

TEST_CASE("a difference that cannot be applied is not adopted but asked for whole, and its fate is heard") {
  auto site = started_site({.fragments = 1});
  site.train({pull(1)});
  auto actions = site.train({difference(2, 0, merged(1))});
  CHECK(only<Adopt>(actions).empty());
  CHECK(only<Discard>(actions).empty());
  CHECK(only<Settled>(actions).at(0).advanced);
  CHECK(progress_of(actions).fragments.at(0).lacks == Version{0, 2});
  CHECK(site.base(0) == Version{0, 0});

  CHECK(only<Adopt>(site.train({release(2, 2)})).at(0).version == Version{0, 2});
}

TEST_CASE("a difference of no use ends the pull of its round all the same") {
  auto site = started_site({.fragments = 1});
  site.stand({pull(2)});
  CHECK(contributed(site.train({difference(2, 0)})).empty());
  CHECK(contributed(site.train({pull(3)})) == std::vector<std::uint32_t>{0});
}

TEST_CASE("a difference that was made whole is adopted as any release") {
  auto site = started_site({.fragments = 1});
  auto const actions = site.train({difference(1, 77)});
  CHECK(only<Adopt>(actions).at(0).payload == 77);
  CHECK(progress_of(actions).fragments.at(0).lacks == Version{});
}
