#include "sim/recorder.hpp"

#include <utility>

#include "base/memory_archive.hpp"

namespace atl::sim {

using namespace protocol;

Recorder::Recorder(Layout const& layout)
    : sites_(static_cast<std::size_t>(layout.sites)), has_(static_cast<std::size_t>(layout.shards)) {
  for (int shard = 0; shard < layout.shards; ++shard) {
    auto& start = recording_.shards.emplace_back().start;
    start.kind = Participant::Kind::shard;
    start.index = static_cast<std::uint32_t>(shard);
  }
}

void Recorder::see(Happening const& happening) {
  if (auto const* started = std::get_if<SiteStarted>(&happening)) {
    start(*started);
  } else if (auto const* restored = std::get_if<ShardRestored>(&happening)) {
    restore(*restored);
  } else if (auto const* adopted = std::get_if<Adopted>(&happening); adopted && !adopted->is_known) {
    sites_[static_cast<std::size_t>(adopted->site)].came_of_it.emplace_back(
        TapedBase{adopted->fragment, adopted->version, adopted->theta});
  } else if (auto const* left = std::get_if<Left>(&happening)) {
    sites_[static_cast<std::size_t>(left->site)].came_of_it.emplace_back(
        TapedParameters{.step = left->step, .cursor = left->step, .parameters = left->parameters});
  } else if (auto const* sent = std::get_if<Contributed>(&happening)) {
    auto const& what = *sent->contribution;
    if (sent->poison != 1.0f)
      recording_.poison[{sent->site, what.incarnation, what.fragment, what.round}] = sent->poison;
  } else if (auto const* crossed = std::get_if<Crossed>(&happening)) {
    cross(*crossed);
  } else if (auto const* merged = std::get_if<Merged>(&happening)) {
    merge(*merged);
  } else if (auto const* published = std::get_if<Published>(&happening)) {
    publish(*published);
  }
}

TapedLife& Recorder::life_of(int site) {
  return recording_.sites[sites_[static_cast<std::size_t>(site)].life];
}

void Recorder::start(SiteStarted const& started) {
  sites_[static_cast<std::size_t>(started.site)].life = recording_.sites.size();
  auto& start = recording_.sites.emplace_back().start;
  start.index = static_cast<std::uint32_t>(started.site);
  start.incarnation = started.incarnation;
  start.heals = started.incarnation > 1 && !started.restored;
  if (!started.restored) return;
  start.step = started.restored->step();
  start.state = base::saved(*started.restored);
  start.state["incarnation"] = started.incarnation - 1;  // which loading raises
}

void Recorder::restore(ShardRestored const& restored) {
  auto& start = recording_.shards[static_cast<std::size_t>(restored.shard)].start;
  start.held = restored.held;
  start.in_flight = restored.in_flight;
}

// On a tape a boundary stands before what came of it.
void Recorder::cross(Crossed const& crossed) {
  TapedBoundary boundary{.step = {}, .events = taped_events(crossed.events), .after = {}};
  if (crossed.has_stepped) boundary.step = {crossed.tokens, crossed.loss};
  boundary.after = state_digest(boundary, *crossed.machine);
  auto& entries = life_of(crossed.site).entries;
  entries.emplace_back(std::move(boundary));
  for (auto& entry : std::exchange(sites_[static_cast<std::size_t>(crossed.site)].came_of_it, {}))
    entries.push_back(std::move(entry));
}

void Recorder::merge(Merged const& merged) {
  auto const& commit = *merged.commit;
  TapedCommit taped{.round = commit.round,
                    .members = {},
                    .absent = {},
                    .made = {commit.fragment, commit.version, merged.theta}};
  for (auto const& member : commit.members) {
    taped.members.push_back({.from = {static_cast<std::uint32_t>(member.site), member.contribution},
                             .weight = member.weight,
                             .staleness = member.staleness,
                             .rounds_late = member.rounds_late});
  }
  for (int const site : commit.absent) taped.absent.push_back({.site = static_cast<std::uint32_t>(site)});
  auto const shard = static_cast<std::size_t>(merged.shard);
  has_[shard][commit.fragment] = commit.version;
  recording_.shards[shard].entries.emplace_back(std::move(taped));
}

// What no commit has made is what the shard begins with, or of a new term.
void Recorder::publish(Published const& published) {
  auto const shard = static_cast<std::size_t>(published.shard);
  auto& entries = recording_.shards[shard].entries;
  auto const [has, is_first] = has_[shard].try_emplace(published.fragment, published.version);
  TapedVersion const version{published.fragment, published.version, published.theta};
  bool const is_taken = published.taken_from || has->second.term < published.version.term;
  if (is_taken) {
    entries.emplace_back(
        TapedTaken{published.taken_from.value_or(has->second), published.taken_from.has_value(), version});
    has->second = published.version;
  } else if (is_first) {
    entries.emplace_back(version);
  }
}

}  // namespace atl::sim
