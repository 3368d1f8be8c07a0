#include "protocol/site_story.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <tuple>
#include <utility>

#include "base/error.hpp"

namespace atl::protocol {

namespace {

SiteMachine new_machine(TapedStart const& start, SiteMachine::Options options) {
  options.incarnation = start.incarnation;
  options.heals = start.heals;
  return SiteMachine(options);
}

void begin(SiteMachine& machine, TapedStart const& start) {
  if (start.state.empty()) {
    machine.start_at(start.step);
  } else {
    machine.load(base::MemoryReader(start.state));
  }
}

// Of the states that came the machine has taken the first that is its life's.
StateData const* state_for(std::uint64_t incarnation, std::vector<SiteEvent> const& events) {
  for (auto const& event : events) {
    auto const* held = std::get_if<HeldState>(&event);
    if (held && held->state.incarnation == incarnation) return &held->state;
  }
  return nullptr;
}

std::optional<StepDone> done_in(TapedBoundary const& boundary) {
  if (!boundary.step) return std::nullopt;
  return StepDone{.tokens = boundary.step->tokens, .loss = boundary.step->loss};
}

// Runs the machine as far as the tape goes. Throws where it says what cannot be.
void tell(SiteStory& story) {
  auto const& start = story.life.start;
  auto& machine = story.machine;
  begin(machine, start);
  base::ensure(machine.incarnation() == start.incarnation && machine.step() == start.step,
               "the site begins otherwise than its state says");
  for (int p = 0; p < machine.fragments(); ++p) story.rows_before.push_back(machine.ledger(p));

  std::size_t adopted = 0;  // of the boundary told last
  for (auto const& entry : story.life.entries) {
    if (auto const* base = std::get_if<TapedBase>(&entry)) {
      base::ensure(!story.boundaries.empty() && adopted < story.boundaries.back().adopted.size(),
                   "a base that was not adopted");
      auto const& expected = story.boundaries.back().adopted[adopted++];
      base::ensure(expected.fragment == base->fragment && expected.version == base->version,
                   "another base than was adopted");
    } else if (auto const* written = std::get_if<TapedParameters>(&entry)) {
      base::ensure(written->step == machine.step(), "parameters of another step");
    }
    auto const* boundary = std::get_if<TapedBoundary>(&entry);
    if (boundary == nullptr) continue;
    base::ensure(!story.has_left, "a boundary after the end");
    base::ensure(!boundary->step || machine.is_ready(), "a step of a site that was not ready");
    adopted = 0;
    auto& told = story.boundaries.emplace_back();
    for (auto const& action : machine.on_boundary(done_in(*boundary), boundary->events)) {
      if (auto const* adopt = std::get_if<Adopt>(&action)) told.adopted.push_back(*adopt);
      if (auto const* made = std::get_if<Contribute>(&action)) told.contributed.push_back(made->contribution);
      if (auto const* give = std::get_if<GiveState>(&action)) told.given.push_back(*give);
      if (std::holds_alternative<TakeState>(action))
        told.healed = *state_for(machine.incarnation(), boundary->events);
      if (std::holds_alternative<Leave>(action)) story.has_left = true;
    }
    told.step = machine.step();
    base::ensure(state_digest(*boundary, machine) == boundary->after, "the books come out otherwise");
  }
}

}  // namespace

SiteStory follow(TapedLife life, SiteMachine::Options options) {
  auto machine = new_machine(life.start, options);
  SiteStory story{.life = std::move(life),
                  .boundaries = {},
                  .rows_before = {},
                  .machine = std::move(machine),
                  .has_left = false,
                  .contradiction = ""};
  try {
    tell(story);
  } catch (std::exception const& failure) {
    story.contradiction = fmt::format("after step {}, boundary {}: {}", story.machine.step(),
                                      story.boundaries.size(), failure.what());
  }
  return story;
}

SiteMachine machine_after(TapedStart const& start, SiteMachine::Options options,
                          std::span<TapedBoundary const> boundaries) {
  auto machine = new_machine(start, options);
  begin(machine, start);
  for (auto const& boundary : boundaries) machine.on_boundary(done_in(boundary), boundary.events);
  return machine;
}

void number_payloads(std::vector<TapedBoundary>& boundaries) {
  PayloadHandle last = 0;
  for (auto& boundary : boundaries) {
    for (auto& event : boundary.events) {
      if (auto* held = std::get_if<HeldRelease>(&event); held && held->payload != 0) held->payload = ++last;
      if (auto* held = std::get_if<HeldState>(&event)) held->payload = ++last;
    }
  }
}

namespace {

// What is there to be waited for: what the processes have made, as far as they have come.
struct Made {
  using Name = std::tuple<std::uint32_t, std::uint64_t, std::uint32_t, std::uint64_t>;

  std::set<std::pair<std::uint32_t, Version>> versions;
  std::map<std::uint32_t, Version> begun;  // with; by fragment
  std::map<Name, Contribution> contributions;
  std::set<std::tuple<std::uint32_t, std::uint64_t, std::uint64_t>> states;  // for a site's life, of a step

  static Name name_of(std::uint32_t site, Contribution const& sent) {
    return {site, sent.incarnation, sent.fragment, sent.round};
  }

  bool has_all_of(std::uint32_t site, SiteStory::Boundary const& boundary) const {
    auto const is_there = [&](Adopt const& adopt) {
      auto const first = begun.find(adopt.fragment);
      bool const was_on_its_way = first != begun.end() && adopt.version < first->second;
      return was_on_its_way || versions.contains({adopt.fragment, adopt.version});
    };
    auto const& healed = boundary.healed;
    return std::ranges::all_of(boundary.adopted, is_there) &&
           (!healed || states.contains({site, healed->incarnation, healed->step}));
  }
  void add(std::uint32_t site, SiteStory::Boundary const& boundary) {
    for (auto const& sent : boundary.contributed) contributions.emplace(name_of(site, sent), sent);
    for (auto const& [to, state] : boundary.given)
      states.emplace(static_cast<std::uint32_t>(to), state.incarnation, state.step);
  }

  // As its site made it.
  bool has(TapedContribution const& taped) const {
    auto const found = contributions.find(name_of(taped.site, taped.contribution));
    return found != contributions.end() && found->second == taped.contribution;
  }
  bool has_all_of(ShardChange const& change) const {
    if (auto const* taken = std::get_if<TapedTaken>(&change))
      return !taken->needs_replica() || versions.contains({taken->taken.fragment, taken->from});
    // Every contribution is merged once.
    std::set<Name> names;
    return std::ranges::all_of(std::get<TapedCommit>(change).members, [&](TapedCommit::Member const& member) {
      return has(member.from) && names.insert(name_of(member.from.site, member.from.contribution)).second;
    });
  }
  void add(ShardChange const& change) {
    if (auto const* commit = std::get_if<TapedCommit>(&change)) {
      for (auto const& [from, weight, staleness, rounds_late] : commit->members)
        contributions.erase(name_of(from.site, from.contribution));
    }
    add(made_by(change));
  }
  void add(TapedVersion const& version) { versions.emplace(version.fragment, version.version); }
};

}  // namespace

Reach reach_of(std::vector<SiteStory> const& sites, std::vector<TapedLife> const& shards) {
  Reach reach{std::vector<std::size_t>(sites.size()), std::vector<std::size_t>(shards.size())};
  Made made;
  std::vector<std::vector<ShardChange>> changes;
  for (auto const& shard : shards) {
    for (auto const& version : shard.only<TapedVersion>()) {
      made.add(version);
      made.begun.emplace(version.fragment, version.version);
    }
    for (auto const* begun_with : {&shard.start.held, &shard.start.in_flight}) {
      for (auto const& held : *begun_with)
        made.contributions.emplace(Made::name_of(held.site, held.contribution), held.contribution);
    }
    changes.push_back(changes_of(shard));
  }
  auto const advance_site = [&](std::size_t which) {
    auto const& all = sites[which].boundaries;
    auto const site = sites[which].life.start.index;
    auto& done = reach.boundaries[which];
    auto const before = done;
    for (; done < all.size() && made.has_all_of(site, all[done]); ++done) made.add(site, all[done]);
    return done > before;
  };
  auto const advance_shard = [&](std::size_t shard) {
    auto const& all = changes[shard];
    auto& done = reach.changes[shard];
    auto const before = done;
    for (; done < all.size() && made.has_all_of(all[done]); ++done) made.add(all[done]);
    return done > before;
  };
  for (bool moves = true; std::exchange(moves, false);) {
    for (std::size_t site = 0; site < sites.size(); ++site) moves |= advance_site(site);
    for (std::size_t shard = 0; shard < shards.size(); ++shard) moves |= advance_shard(shard);
  }
  return reach;
}

}  // namespace atl::protocol
