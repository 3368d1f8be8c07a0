#include "protocol/replaying_syncer.hpp"

#include <algorithm>

namespace atl::protocol {

ReplayingSyncer::ReplayingSyncer(TapedLife const& life, std::size_t commits,
                                 std::vector<SiteStory> const& sites,
                                 std::vector<std::size_t> const& boundaries) {
  for (auto const& version : life.only<TapedVersion>()) made_.emplace(version.fragment, version.version);
  std::map<std::uint32_t, Version> const begun(made_.begin(), made_.end());
  for (auto& commit : life.only<TapedCommit>()) {
    if (commits_.size() == commits) break;
    for (auto const& member : commit.members)
      named_.insert(key_of(member.from.site, member.from.contribution));
    commits_.push_back(std::move(commit));
  }
  PayloadHandle handle = 0;
  for (auto const* begun_with : {&life.start.held, &life.start.in_flight}) {
    for (auto const& held : *begun_with) held_[key_of(held.site, held.contribution)] = ++handle;
  }
  for (std::size_t site = 0; site < sites.size(); ++site) {
    for (std::size_t b = 0; b < boundaries[site]; ++b) {
      for (auto const& adopt : sites[site].boundaries[b].adopted) {
        auto const first = begun.find(adopt.fragment);
        // An older one was on its way when this life began, and is with its site.
        if (first != begun.end() && adopt.version >= first->second)
          adoptions_[{static_cast<int>(site), adopt.fragment}].versions.push_back(adopt.version);
      }
    }
  }
}

ReplayingSyncer::Key ReplayingSyncer::key_of(std::uint32_t site, Contribution const& contribution) {
  return {site, contribution.incarnation, contribution.fragment, contribution.round};
}

std::vector<SyncerAction> ReplayingSyncer::on_start() {
  std::vector<SyncerAction> actions;
  for (auto const& [key, handle] : held_) {
    if (!named_.contains(key)) actions.emplace_back(DiscardPayload{handle});
  }
  commit_what_is_there(actions);
  send_releases(actions);
  return actions;
}

std::vector<SyncerAction> ReplayingSyncer::on_contribution(int site, Contribution const& contribution,
                                                           PayloadHandle payload) {
  auto const key = key_of(static_cast<std::uint32_t>(site), contribution);
  if (!named_.contains(key) || held_.contains(key)) return {DiscardPayload{payload}};
  held_[key] = payload;
  std::vector<SyncerAction> actions;
  commit_what_is_there(actions);
  return actions;
}

std::vector<SyncerAction> ReplayingSyncer::on_progress(int site, Progress const& progress) {
  for (auto const& copy : progress.fragments) {
    auto const found = adoptions_.find({site, copy.fragment});
    if (found == adoptions_.end()) continue;
    auto& [versions, is_sent] = found->second;
    if (!is_sent || versions.front() != copy.base) continue;
    versions.pop_front();
    is_sent = false;
  }
  std::vector<SyncerAction> actions;
  send_releases(actions);
  return actions;
}

void ReplayingSyncer::commit_what_is_there(std::vector<SyncerAction>& actions) {
  auto const payload_of = [&](TapedCommit::Member const& member) {
    auto const found = held_.find(key_of(member.from.site, member.from.contribution));
    return found == held_.end() ? PayloadHandle{0} : found->second;
  };
  while (!commits_.empty() && std::ranges::all_of(commits_.front().members, payload_of)) {
    auto const& taped = commits_.front();
    Commit commit{.fragment = taped.made.fragment,
                  .round = taped.round,
                  .version = taped.made.version,
                  .members = {},
                  .wait_s = 0.0,
                  .absent = {}};
    for (auto const& member : taped.members) {
      commit.members.push_back({.site = static_cast<int>(member.from.site),
                                .payload = payload_of(member),
                                .weight = member.weight,
                                .contribution = member.from.contribution,
                                .staleness = member.staleness,
                                .rounds_late = member.rounds_late});
      held_.erase(key_of(member.from.site, member.from.contribution));
    }
    for (auto const& absent : taped.absent) commit.absent.push_back(static_cast<int>(absent.site));
    made_.emplace(commit.fragment, commit.version);
    actions.emplace_back(std::move(commit));
    commits_.pop_front();
    send_releases(actions);
  }
}

void ReplayingSyncer::send_releases(std::vector<SyncerAction>& actions) {
  for (auto& [whose, adoptions] : adoptions_) {
    auto const [site, fragment] = whose;
    if (adoptions.is_sent || adoptions.versions.empty()) continue;
    auto const& next = adoptions.versions.front();
    if (!made_.contains({fragment, next})) continue;
    adoptions.is_sent = true;
    actions.emplace_back(SendRelease{site, {.fragment = fragment, .round = 0, .version = next, .fate = {}}});
  }
}

bool ReplayingSyncer::is_wanted(std::uint32_t fragment, Version const& version) const {
  return std::ranges::any_of(adoptions_, [&](auto const& entry) {
    auto const& [whose, adoptions] = entry;
    return whose.second == fragment &&
           std::ranges::find(adoptions.versions, version) != adoptions.versions.end();
  });
}

}  // namespace atl::protocol
