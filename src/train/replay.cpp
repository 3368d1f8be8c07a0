#include "train/replay.hpp"

#include <fmt/format.h>

#include <memory>
#include <numeric>
#include <optional>

#include "base/error.hpp"
#include "checkpoint/sets.hpp"
#include "outer/codec.hpp"
#include "protocol/tape_check.hpp"
#include "train/machine_options.hpp"
#include "train/replay_shard.hpp"
#include "train/site_run.hpp"
#include "train/taped_channel.hpp"
#include "transport/mpi/mpi_transport.hpp"

namespace atl::train {

namespace {

constexpr double farewell_s = 30.0;

// The deck of the life, without what a replay does not do.
deck::RunConfig config_of(LifeOfRun const& life) {
  auto config = life.config;
  config.sites.step_floor_s = {0.0};
  config.link = {};
  config.output.trace = false;
  return config;
}

std::optional<ResumePoint> resume_point_of(LifeOfRun const& life, RunFolder const& folder) {
  auto const& set = life.shards.front().start.set;
  if (!set) return std::nullopt;
  return resume_from(checkpoint::set_folder(folder.checkpoints(), *set));
}

// Of a site: those before the life begins, and its first `count`.
std::vector<protocol::TapedBoundary> boundaries_of(LifeOfRun const& life, std::size_t site,
                                                   std::size_t count) {
  std::vector<protocol::TapedBoundary> boundaries;
  if (!life.before.empty()) boundaries = life.before[site];
  auto const own = life.sites[site].life.only<protocol::TapedBoundary>();
  boundaries.insert(boundaries.end(), own.begin(), own.begin() + static_cast<std::ptrdiff_t>(count));
  protocol::number_payloads(boundaries);
  return boundaries;
}

// Of a site where a life that is told from a snapshot on begins.
protocol::SiteMachine machine_of(LifeOfRun const& life, std::size_t site,
                                 std::vector<protocol::TapedBoundary> const& boundaries) {
  return protocol::machine_after(life.sites[site].life.start,
                                 site_options(life.config, static_cast<int>(site)),
                                 std::span(boundaries).first(life.before[site].size()));
}

// This process's part. Returns the differences that it found.
std::vector<std::string> live_again(LifeOfRun const& life, protocol::Reach const& reach,
                                    RunFolder const& folder, comm::MpiRuntime const& mpi) {
  auto const plan = make_plan(config_of(life));
  auto const resume = resume_point_of(life, folder);
  comm::World world(mpi, comm::SiteLayout(plan.config, mpi.size()));
  auto const number = static_cast<std::size_t>(world.here.group);
  bool const is_shard = world.here.role == comm::Role::shard;
  Trace trace(
      {.is_on = false, .run_folder = {}, .who = {}, .rank = mpi.rank(), .start_s = 0.0, .resumed_s = 0.0});
  if (!is_shard && world.here.rank > 0) {
    SiteRun::Links links{.channel = nullptr, .replayed = reach.boundaries[number]};
    if (!life.before.empty()) links.machine = machine_of(life, number, boundaries_of(life, number, 0));
    SiteRun(plan, folder, resume, world, std::move(links), trace, 0.0).run();
    return {};
  }
  transport::MpiTransport transport(
      world, {.max_payload_bytes = outer::encoded_bytes(outer::Codec::fp32, plan.table.largest_fragment())});
  std::optional<protocol::TapeCheck> check;
  if (is_shard) {
    auto const& own = life.shards[number];
    check.emplace(fmt::format("shard {}", number), first_versions(own, reach.changes[number]), false);
    protocol::ReplayingSyncer syncer(life.shards, number, life.sites, reach);
    ReplayShard(plan, resume, own, std::move(syncer), transport, *check).run();
  } else {
    auto const& own = life.sites[number].life;
    check.emplace(fmt::format("site {}", number), first_boundaries(own, reach.boundaries[number]), true);
    auto const boundaries = boundaries_of(life, number, reach.boundaries[number]);
    SiteRun::Links links{.channel = nullptr, .tape = &*check, .replayed = reach.boundaries[number]};
    std::vector<SiteChannel::Waiting> arrived;
    std::size_t next = 0;
    if (!life.before.empty()) {
      links.machine = machine_of(life, number, boundaries);
      arrived = SiteRun::on_its_way_to(plan, *resume, world.here.group);
      next = life.before[number].size();
    }
    links.channel = std::make_unique<TapedChannel>(plan, transport, boundaries, next, arrived);
    SiteRun(plan, folder, resume, world, std::move(links), trace, 0.0).run();
  }
  transport.close(farewell_s);
  return check->differences();
}

}  // namespace

std::vector<std::string> changes_since(LifeOfRun const& life) {
  auto const& then = life.shards.front().start;
  auto const now = taped_start(life.number, life.config, then.set);
  std::vector<std::string> changes;
  if (now.program != then.program) changes.emplace_back("the program is another build");
  if (now.machine != then.machine)
    changes.push_back(fmt::format("the machine offers {}, and had {}", now.machine, then.machine));
  auto const plan = make_plan(config_of(life));
  for (auto const& site : life.sites) {
    auto const deck_site = static_cast<int>(site.life.start.index);
    if (site.life.start.deck.empty() || open_site_corpus(plan, deck_site).digest() == site.life.start.data)
      continue;
    changes.push_back(fmt::format("the text of site {} is another", deck_site));
  }
  return changes;
}

void check_replayable(LifeOfRun const& life, RunFolder const& folder) {
  using Kind = protocol::Participant::Kind;
  auto const refuse = [&](Kind kind, std::uint32_t index, std::string what, std::string remedy) {
    throw base::InputError(folder.tape({kind, static_cast<int>(index)}).string(), std::move(what),
                           std::move(remedy));
  };
  std::string const not_yet = "of this no replay is built yet; its books: atoll inspect RUN --ledger";
  for (auto const& site : life.sites) {
    auto const number = site.life.start.index;
    if (site.life.start.deck.empty())
      refuse(Kind::site, number, fmt::format("tells nothing of life {}", life.number),
             "a replay needs the tapes of all sites and shards; other lives: --life N");
    if (!site.contradiction.empty())
      refuse(Kind::site, number, site.contradiction, "no run can have made this tape");
    if (site.life.start.heals) refuse(Kind::site, number, "the site was lost and came back", not_yet);
    if (!site.life.only<protocol::TapedRanks>().empty())
      refuse(Kind::site, number, "the site went on with fewer ranks", not_yet);
  }
  for (auto const& shard : life.shards) {
    if (!shard.only<protocol::TapedTaken>().empty())
      refuse(Kind::shard, shard.start.index, "a fragment changes hands", not_yet);
  }
  auto const& set = life.shards.front().start.set;
  auto const begun_from = checkpoint::set_folder(folder.checkpoints(), set.value_or(0));
  if (set && !std::filesystem::exists(begun_from / checkpoint::manifest_name)) {
    throw base::InputError(begun_from.string(),
                           fmt::format("is gone, and life {} began from it", life.number),
                           "replay the other lives with --life N; a larger checkpoint.keep keeps such sets");
  }
}

LifeReplay replay(LifeOfRun const& life, RunFolder const& folder, comm::MpiRuntime const& mpi) {
  auto const reach = protocol::reach_of(life.sites, life.shards);
  LifeReplay result{.life = life.number};
  result.boundaries = std::accumulate(reach.boundaries.begin(), reach.boundaries.end(), std::uint64_t{0});
  result.commits = std::accumulate(reach.changes.begin(), reach.changes.end(), std::uint64_t{0});
  for (auto const& site : life.sites) result.taped_boundaries += site.boundaries.size();
  for (auto const& shard : life.shards) result.taped_commits += shard.only<protocol::TapedCommit>().size();

  auto const mine = fmt::format("{}", fmt::join(live_again(life, reach, folder, mpi), "\n"));
  for (int rank = 0; rank < mpi.size(); ++rank) {
    auto const text = mpi.broadcast_text(mine, rank);
    if (!text.empty()) result.differences.push_back(text);
  }
  return result;
}

}  // namespace atl::train
