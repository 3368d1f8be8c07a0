#include "protocol/replaying_syncer.hpp"

#include <algorithm>

namespace atl::protocol {

ReplayingSyncer::ReplayingSyncer(std::vector<TapedLife> const& shards, std::size_t self,
                                 std::vector<SiteStory> const& sites, Reach const& reach) {
  auto const& life = shards[self];
  for (auto const& version : life.only<TapedVersion>()) begun_.emplace(version.fragment, version.version);
  auto own = begun_;
  for (auto& change : changes_of(life)) {
    if (changes_.size() == reach.changes[self]) break;
    own.emplace(made_by(change).fragment, made_by(change).version);
    if (auto const* commit = std::get_if<TapedCommit>(&change)) {
      for (auto const& member : commit->members)
        named_.insert(key_of(member.from.site, member.from.contribution));
    }
    changes_.push_back(std::move(change));
  }
  PayloadHandle handle = 0;
  for (auto const* begun_with : {&life.start.held, &life.start.in_flight}) {
    for (auto const& held : *begun_with) held_[key_of(held.site, held.contribution)] = ++handle;
  }
  for (std::size_t heir = 0; heir < shards.size(); ++heir) {
    for (auto const& taken : shards[heir].only<TapedTaken>()) {
      if (taken.needs_replica()) heirs_[{taken.taken.fragment, taken.from}].insert(static_cast<int>(heir));
    }
  }
  for (std::size_t i = 0; i < sites.size(); ++i) expect(sites[i], reach.boundaries[i], own);
}

// What is of another shard's term, or was on its way to the site when this life began, comes from elsewhere.
void ReplayingSyncer::expect(SiteStory const& story, std::size_t boundaries,
                             std::set<VersionName> const& own) {
  auto const& start = story.life.start;
  for (std::size_t b = 0; b < boundaries; ++b) {
    for (auto const& adopt : story.boundaries[b].adopted) {
      if (own.contains({adopt.fragment, adopt.version}))
        adoptions_[{static_cast<int>(start.index), adopt.fragment}].to_come.push_back(
            {start.incarnation, adopt.version});
    }
  }
}

ReplayingSyncer::Key ReplayingSyncer::key_of(std::uint32_t site, Contribution const& contribution) {
  return {site, contribution.incarnation, contribution.fragment, contribution.round};
}

std::vector<ReplayAction> ReplayingSyncer::on_start() {
  std::vector<ReplayAction> actions;
  for (auto const& [key, handle] : held_) {
    if (!named_.contains(key)) actions.emplace_back(DiscardPayload{handle});
  }
  for (auto const& version : begun_) make(version, actions);
  change_what_can_be(actions);
  return actions;
}

std::vector<ReplayAction> ReplayingSyncer::on_contribution(int site, Contribution const& contribution,
                                                           PayloadHandle payload) {
  auto const key = key_of(static_cast<std::uint32_t>(site), contribution);
  if (!named_.contains(key) || held_.contains(key)) return {DiscardPayload{payload}};
  held_[key] = payload;
  std::vector<ReplayAction> actions;
  change_what_can_be(actions);
  return actions;
}

std::vector<ReplayAction> ReplayingSyncer::on_replica(Replica const& replica, PayloadHandle payload) {
  replicas_[{replica.fragment, replica.version}] = payload;
  std::vector<ReplayAction> actions;
  change_what_can_be(actions);
  return actions;
}

std::vector<ReplayAction> ReplayingSyncer::on_progress(int site, Progress const& progress) {
  for (auto const& copy : progress.fragments) {
    auto const found = adoptions_.find({site, copy.fragment});
    if (found == adoptions_.end() || !found->second.is_sent) continue;
    auto& [to_come, is_sent] = found->second;
    if (to_come.front().incarnation != progress.incarnation || to_come.front().version != copy.base) continue;
    to_come.pop_front();
    is_sent = false;
  }
  std::vector<ReplayAction> actions;
  send_releases(actions);
  return actions;
}

void ReplayingSyncer::change_what_can_be(std::vector<ReplayAction>& actions) {
  while (!changes_.empty()) {
    auto action = next_change();
    if (!action) return;
    auto const& made = made_by(changes_.front());
    VersionName const version{made.fragment, made.version};
    changes_.pop_front();
    actions.push_back(std::move(*action));
    make(version, actions);
  }
}

std::optional<ReplayAction> ReplayingSyncer::next_change() {
  if (auto const* taken = std::get_if<TapedTaken>(&changes_.front())) {
    if (!taken->needs_replica()) return TakeFragment{*taken};
    auto const replica = replicas_.find({taken->taken.fragment, taken->from});
    if (replica == replicas_.end()) return std::nullopt;
    return TakeFragment{*taken, replica->second};
  }
  auto const& taped = std::get<TapedCommit>(changes_.front());
  Commit commit{.fragment = taped.made.fragment,
                .round = taped.round,
                .version = taped.made.version,
                .members = {},
                .wait_s = 0.0,
                .absent = {}};
  for (auto const& member : taped.members) {
    auto const held = held_.find(key_of(member.from.site, member.from.contribution));
    if (held == held_.end()) return std::nullopt;
    commit.members.push_back({.site = static_cast<int>(member.from.site),
                              .payload = held->second,
                              .weight = member.weight,
                              .contribution = member.from.contribution,
                              .staleness = member.staleness,
                              .rounds_late = member.rounds_late});
  }
  for (auto const& member : taped.members) held_.erase(key_of(member.from.site, member.from.contribution));
  for (auto const& absent : taped.absent) commit.absent.push_back(static_cast<int>(absent.site));
  return commit;
}

// Whoever goes on from it needs it as it is now.
void ReplayingSyncer::make(VersionName const& version, std::vector<ReplayAction>& actions) {
  made_.insert(version);
  if (auto const heirs = heirs_.find(version); heirs != heirs_.end()) {
    Replica const replica{
        .fragment = version.first, .version = version.second, .next_due = 0, .sites = {}, .usual = {}};
    for (int const heir : heirs->second) actions.emplace_back(SendReplica{heir, replica});
  }
  send_releases(actions);
}

void ReplayingSyncer::send_releases(std::vector<ReplayAction>& actions) {
  for (auto& [whose, adoptions] : adoptions_) {
    auto const [site, fragment] = whose;
    if (adoptions.is_sent || adoptions.to_come.empty()) continue;
    auto const& next = adoptions.to_come.front().version;
    if (!made_.contains({fragment, next})) continue;
    adoptions.is_sent = true;
    actions.emplace_back(SendRelease{site, {.fragment = fragment, .round = 0, .version = next, .fate = {}}});
  }
}

bool ReplayingSyncer::is_wanted(std::uint32_t fragment, Version const& version) const {
  return std::ranges::any_of(adoptions_, [&](auto const& entry) {
    auto const& [whose, adoptions] = entry;
    return whose.second == fragment &&
           std::ranges::find(adoptions.to_come, version, &Adoption::version) != adoptions.to_come.end();
  });
}

}  // namespace atl::protocol
