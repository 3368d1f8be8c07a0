// The tapes of a world: what drivers write of the sites and shards that they run.
#include <algorithm>
#include <utility>

#include "world.hpp"

namespace atl::test {

using namespace protocol;

namespace {

base::Digest digest_of(Tally const& tally) { return base::digest_of(std::span<int const>(tally)); }

}  // namespace

void World::tape(Participant who, TapeEntry entry) {
  if (options_.tapes) tapes_[who].push_back(std::move(entry));
}

void World::tape_starts() {
  ++lives_;
  arrived_.clear();
  for (int m = 0; m < options_.sites; ++m) {
    auto const& machine = sites_[static_cast<std::size_t>(m)].machine;
    TapedStart start;
    start.life = lives_;
    start.index = static_cast<std::uint32_t>(m);
    start.incarnation = machine.incarnation();
    start.step = machine.step();
    if (saved_sites_.contains(m)) start.state = saved_sites_.at(m).values;
    tape({Participant::Kind::site, m}, start);
  }
  for (int s = 0; s < options_.shards; ++s) {
    Participant const who{Participant::Kind::shard, s};
    auto const& shard = shards_[static_cast<std::size_t>(s)];
    TapedStart start;
    start.life = lives_;
    start.kind = who.kind;
    start.index = static_cast<std::uint32_t>(s);
    for (auto const* member : shard.machine.held_members()) {
      start.held.push_back({static_cast<std::uint32_t>(member->site), member->contribution});
      arrived_[{s, member->payload}] = {start.held.back(), Reason::none};
    }
    tape(who, start);
    for (auto const& [p, theta] : shard.theta)
      tape(who, TapedVersion{p, shard.machine.version(p), digest_of(theta)});
  }
}

void World::tape_boundary(int m, std::optional<StepDone> const& done, std::vector<SiteEvent> const& events) {
  if (!options_.tapes) return;
  TapedBoundary boundary{.step = {}, .events = taped_events(events), .after = {}};
  if (done) boundary.step = {done->tokens, done->loss};
  boundary.after = state_digest(boundary, sites_[static_cast<std::size_t>(m)].machine);
  tape({Participant::Kind::site, m}, boundary);
}

void World::tape_arrival(int m, int s, Contribution const& contribution, PayloadHandle payload,
                         std::map<Reason, std::uint64_t> const& refused_before) {
  auto refused = Reason::none;
  for (auto const& [reason, count] : shards_[static_cast<std::size_t>(s)].machine.rejections()) {
    auto const before = refused_before.find(reason);
    if (before == refused_before.end() || before->second < count) refused = reason;
  }
  arrived_[{s, payload}] = {{static_cast<std::uint32_t>(m), contribution}, refused};
}

void World::tape_discard(int s, PayloadHandle payload) {
  tape({Participant::Kind::shard, s}, arrived_.at({s, payload}));
}

void World::tape_commit(int s, Commit const& commit) {
  auto const theta = digest_of(shards_[static_cast<std::size_t>(s)].theta.at(commit.fragment));
  TapedCommit taped{
      .round = commit.round, .members = {}, .absent = {}, .made = {commit.fragment, commit.version, theta}};
  for (auto const& member : commit.members) {
    taped.members.push_back({{static_cast<std::uint32_t>(member.site), member.contribution},
                             member.weight,
                             member.staleness,
                             member.rounds_late});
  }
  for (int const site : commit.absent) taped.absent.push_back({static_cast<std::uint32_t>(site), false});
  tape({Participant::Kind::shard, s}, taped);
}

}  // namespace atl::test
