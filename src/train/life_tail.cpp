#include "train/life_tail.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <optional>
#include <ranges>
#include <utility>

#include "base/error.hpp"
#include "train/machine_options.hpp"
#include "train/syncer_run.hpp"

namespace atl::train {

namespace {

// The place on a site's tape where it had recorded its state: the entry of its parameters then.
std::optional<std::size_t> cut_of(protocol::TapedLife const& life, std::uint64_t step) {
  bool is_asked = false;
  for (std::size_t i = 0; i < life.entries.size(); ++i) {
    if (auto const* boundary = std::get_if<protocol::TapedBoundary>(&life.entries[i])) {
      is_asked = std::ranges::any_of(boundary->events, [&](protocol::SiteEvent const& event) {
        auto const* marker = std::get_if<protocol::Marker>(&event);
        return marker != nullptr && marker->step == step;
      });
    } else if (is_asked && std::holds_alternative<protocol::TapedParameters>(life.entries[i])) {
      return i;
    }
  }
  return std::nullopt;
}

// Nobody was lost in it: the tail of such a life is not built.
bool was_undisturbed(LifeOfRun const& life) {
  return std::ranges::none_of(
             life.shards,
             [](auto const& shard) { return !shard.template only<protocol::TapedTaken>().empty(); }) &&
         std::ranges::none_of(life.sites, [](auto const& site) {
           return site.life.start.heals || !site.life.template only<protocol::TapedRanks>().empty();
         });
}

bool was_cut(LifeOfRun const& life, std::uint64_t step) {
  return was_undisturbed(life) && std::ranges::all_of(life.sites, [&](protocol::SiteStory const& site) {
           return cut_of(site.life, step).has_value();
         });
}

// Leaves what follows the cut, and returns the boundaries before it.
std::vector<protocol::TapedBoundary> cut(protocol::SiteStory& site, std::uint64_t step) {
  auto& entries = site.life.entries;
  auto const end = entries.begin() + static_cast<std::ptrdiff_t>(*cut_of(site.life, step));
  std::vector<protocol::TapedBoundary> before;
  for (auto const& entry : std::ranges::subrange(entries.begin(), end)) {
    if (auto const* boundary = std::get_if<protocol::TapedBoundary>(&entry)) before.push_back(*boundary);
  }
  entries.erase(entries.begin(), end);
  auto const told = std::min(before.size(), site.boundaries.size());
  site.boundaries.erase(site.boundaries.begin(), site.boundaries.begin() + static_cast<std::ptrdiff_t>(told));
  return before;
}

// A shard's tape from the versions that the set has on.
void cut(protocol::TapedLife& shard, RunPlan const& plan, ResumePoint const& snapshot) {
  int const number = static_cast<int>(shard.start.index);
  protocol::SyncerMachine machine(syncer_options(plan.config, number));
  machine.load(*ShardFiles(snapshot).machine(), 0.0);
  std::map<std::uint32_t, protocol::TapedVersion> newest;
  std::vector<protocol::TapeEntry> later;
  for (auto const& entry : shard.entries) {
    auto const* commit = std::get_if<protocol::TapedCommit>(&entry);
    auto const* begun = std::get_if<protocol::TapedVersion>(&entry);
    if (!commit && !begun) continue;
    auto const& made = commit ? commit->made : *begun;
    if (made.version.commits <= machine.version(made.fragment).commits) {
      newest[made.fragment] = made;
    } else {
      later.push_back(entry);
    }
  }
  shard.entries.clear();
  for (auto const& [fragment, version] : newest) shard.entries.emplace_back(version);
  shard.entries.insert(shard.entries.end(), later.begin(), later.end());

  shard.start.set = snapshot.step;
  shard.start.held.clear();
  for (auto const* member : machine.held_members()) {
    auto contribution = member->contribution;
    --contribution.incarnation;  // loading has raised it
    shard.start.held.push_back({static_cast<std::uint32_t>(member->site), contribution});
  }
  shard.start.in_flight.clear();
  for (auto const& sent : SyncerRun::in_flight_of(plan, snapshot, number))
    shard.start.in_flight.push_back({static_cast<std::uint32_t>(sent.site), sent.contribution});
}

}  // namespace

LifeOfRun tail_from(std::vector<LifeOfRun> run, ResumePoint const& snapshot) {
  auto const found = std::find_if(run.rbegin(), run.rend(),
                                  [&](LifeOfRun const& life) { return was_cut(life, snapshot.step); });
  if (found == run.rend()) {
    throw base::InputError(snapshot.folder.string(),
                           "was not taken while the run went on, in a life in which nobody was lost",
                           "give the step of another checkpoint, or replay whole lives with --life N");
  }
  auto life = std::move(*found);
  for (auto& site : life.sites) life.before.push_back(cut(site, snapshot.step));
  if (has_outer_exchange(life.config)) {
    auto const plan = make_plan(life.config);
    for (auto& shard : life.shards) cut(shard, plan, snapshot);
  } else {
    for (auto& shard : life.shards) shard.start.set = snapshot.step;
  }
  return life;
}

}  // namespace atl::train
