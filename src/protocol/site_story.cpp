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

void begin(SiteMachine& machine, TapedStart const& start) {
  if (start.state.empty()) {
    machine.start_at(start.step);
  } else {
    machine.load(base::MemoryReader(start.state));
  }
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
    adopted = 0;
    auto& told = story.boundaries.emplace_back();
    for (auto const& action : machine.on_boundary(done_in(*boundary), boundary->events)) {
      if (auto const* adopt = std::get_if<Adopt>(&action)) told.adopted.push_back(*adopt);
      if (auto const* made = std::get_if<Contribute>(&action)) told.contributed.push_back(made->contribution);
      if (std::holds_alternative<Leave>(action)) story.has_left = true;
    }
    told.step = machine.step();
    base::ensure(state_digest(*boundary, machine) == boundary->after, "the books come out otherwise");
  }
}

}  // namespace

SiteStory follow(TapedLife life, SiteMachine::Options options) {
  options.incarnation = life.start.incarnation;
  SiteStory story{.life = std::move(life),
                  .boundaries = {},
                  .rows_before = {},
                  .machine = SiteMachine(options),
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
  options.incarnation = start.incarnation;
  SiteMachine machine(options);
  begin(machine, start);
  for (auto const& boundary : boundaries) machine.on_boundary(done_in(boundary), boundary.events);
  return machine;
}

void number_payloads(std::vector<TapedBoundary>& boundaries) {
  PayloadHandle last = 0;
  for (auto& boundary : boundaries) {
    for (auto& event : boundary.events) {
      if (auto* held = std::get_if<HeldRelease>(&event); held && held->payload != 0) held->payload = ++last;
    }
  }
}

Reach reach_of(std::vector<SiteStory> const& sites, std::vector<TapedLife> const& shards) {
  Reach reach{std::vector<std::size_t>(sites.size()), std::vector<std::size_t>(shards.size())};
  std::set<std::pair<std::uint32_t, Version>> versions;
  std::set<std::tuple<std::uint32_t, std::uint64_t, std::uint32_t, std::uint64_t>> contributions;
  auto const key = [](TapedContribution const& from) {
    return std::tuple(from.site, from.contribution.incarnation, from.contribution.fragment,
                      from.contribution.round);
  };
  std::vector<std::vector<TapedCommit>> commits;
  std::map<std::uint32_t, Version> begun;
  for (auto const& shard : shards) {
    for (auto const& version : shard.only<TapedVersion>()) {
      versions.emplace(version.fragment, version.version);
      begun.emplace(version.fragment, version.version);
    }
    for (auto const* begun_with : {&shard.start.held, &shard.start.in_flight}) {
      for (auto const& held : *begun_with) contributions.insert(key(held));
    }
    commits.push_back(shard.only<TapedCommit>());
  }
  auto const advance_site = [&](std::uint32_t site) {
    auto const& all = sites[site].boundaries;
    auto& done = reach.boundaries[site];
    auto const before = done;
    for (; done < all.size(); ++done) {
      auto const is_there = [&](Adopt const& a) {
        auto const first = begun.find(a.fragment);
        bool const was_on_its_way = first != begun.end() && a.version < first->second;
        return was_on_its_way || versions.contains({a.fragment, a.version});
      };
      if (!std::ranges::all_of(all[done].adopted, is_there)) break;
      for (auto const& made : all[done].contributed) contributions.insert(key({site, made}));
    }
    return done > before;
  };
  auto const advance_shard = [&](std::size_t shard) {
    auto& done = reach.commits[shard];
    auto const before = done;
    for (; done < commits[shard].size(); ++done) {
      auto const& commit = commits[shard][done];
      auto const is_there = [&](auto const& member) { return contributions.contains(key(member.from)); };
      if (!std::ranges::all_of(commit.members, is_there)) break;
      versions.emplace(commit.made.fragment, commit.made.version);
    }
    return done > before;
  };
  for (bool moves = true; std::exchange(moves, false);) {
    for (std::uint32_t site = 0; site < sites.size(); ++site) moves |= advance_site(site);
    for (std::size_t shard = 0; shard < shards.size(); ++shard) moves |= advance_shard(shard);
  }
  return reach;
}

}  // namespace atl::protocol
