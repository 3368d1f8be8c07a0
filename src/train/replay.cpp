#include "train/replay.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <memory>
#include <numeric>
#include <optional>

#include "base/error.hpp"
#include "checkpoint/sets.hpp"
#include "protocol/tape_check.hpp"
#include "train/machine_options.hpp"
#include "train/replay_shard.hpp"
#include "train/shared_moments.hpp"
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
  config.chaos = {};
  config.storm = {};
  config.output.trace = false;
  return config;
}

std::optional<ResumePoint> resume_point_of(LifeOfRun const& life, RunFolder const& folder) {
  auto const& set = life.shards.front().start.set;
  if (!set) return std::nullopt;
  return resume_from(checkpoint::set_folder(folder.checkpoints(), *set));
}

// Of a life of a site (`which` of all): those before the run's life begins, and its first `count`.
std::vector<protocol::TapedBoundary> boundaries_of(LifeOfRun const& life, std::size_t which,
                                                   std::size_t count) {
  std::vector<protocol::TapedBoundary> boundaries;
  if (!life.before.empty()) boundaries = life.before[which];
  auto const own = life.sites[which].life.only<protocol::TapedBoundary>();
  boundaries.insert(boundaries.end(), own.begin(), own.begin() + static_cast<std::ptrdiff_t>(count));
  protocol::number_payloads(boundaries);
  return boundaries;
}

// After how many boundaries of its life a site goes on with how many ranks.
std::map<std::size_t, int> ranks_left_in(protocol::TapedLife const& life) {
  std::map<std::size_t, int> left;
  std::size_t crossed = 0;
  for (auto const& entry : life.entries) {
    if (std::holds_alternative<protocol::TapedBoundary>(entry)) ++crossed;
    if (auto const* ranks = std::get_if<protocol::TapedRanks>(&entry))
      left[crossed] = static_cast<int>(ranks->ranks);
  }
  return left;
}

// All that a process of a replay works with.
struct Stage {
  LifeOfRun const& life;
  protocol::Reach const& reach;
  RunPlan const& plan;
  RunFolder const& folder;
  std::optional<ResumePoint> const& resume;
  comm::World& world;
  Trace& trace;

  std::unique_ptr<transport::MpiTransport> open_transport() const {
    return std::make_unique<transport::MpiTransport>(
        world, transport::MpiTransport::Options{.max_payload_bytes = longest_payload_bytes(plan)});
  }
};

// The lives of a site, one after the other. Returns the differences that it found.
class SiteReplay {
 public:
  explicit SiteReplay(Stage const& stage) : stage_(stage) {
    if (stage.world.here.rank == 0) transport_ = stage.open_transport();
    auto const& sites = stage.life.sites;
    for (std::size_t i = 0; i < sites.size(); ++i) {
      if (static_cast<int>(sites[i].life.start.index) == stage.world.here.group) lives_.push_back(i);
    }
  }

  std::vector<std::string> run() {
    // Whoever is no leader and alone has no place in the site any more.
    auto const is_out = [&] { return !transport_ && stage_.world.site.rank() == 0; };
    for (auto const which : lives_) {
      if (!is_out()) live(which);
    }
    if (transport_) transport_->close(farewell_s);
    return std::move(differences_);
  }

 private:
  void live(std::size_t which) {
    auto const& [life, reach, plan, folder, resume, world, trace] = stage_;
    auto const& own = life.sites[which].life;
    auto const count = reach.boundaries[which];
    auto const boundaries = boundaries_of(life, which, count);
    protocol::TapeCheck check(fmt::format("site {}, life {}", own.start.index, own.start.incarnation),
                              protocol::first_boundaries(own, count), /*stops_at_first=*/true);
    SiteRun::Links links{.channel = nullptr, .replayed = count};
    if (own.start.heals) links.incarnation = own.start.incarnation;
    links.ranks_left = ranks_left_in(own);
    if (auto const at_start = links.ranks_left.extract(0); at_start && !keep(at_start.mapped())) return;
    std::size_t next = 0;
    if (!life.before.empty()) {
      next = life.before[which].size();
      links.machine = protocol::machine_after(own.start, site_options(life.config, world.here.group),
                                              std::span(boundaries).first(next));
    }
    if (transport_) {
      if (!life.before.empty()) take_what_was_on_its_way();
      links.tape = &check;
      links.channel =
          std::make_unique<TapedChannel>(plan, *transport_, boundaries, next, mail_, which == lives_.back());
    }
    SiteRun(plan, folder, own.start.heals ? std::nullopt : resume, world, std::move(links), trace, 0.0).run();
    if (!transport_) return;
    for (auto& difference : check.differences()) differences_.push_back(std::move(difference));
  }

  // The first `ranks` of the site. False where this one is none of them.
  bool keep(int ranks) {
    auto const& site = stage_.world.site;
    if (site.size() <= ranks) return true;
    bool const stays = site.rank() < ranks;
    stage_.world.set_site(comm::Communicator::split(site.get(), stays ? 0 : -1, site.rank()));
    return stays;
  }

  void take_what_was_on_its_way() {
    for (auto& each : SiteRun::on_its_way_to(stage_.plan, *stage_.resume, stage_.world.here.group))
      mail_.releases[{each.fragment, each.version}] = std::move(each.theta);
  }

  Stage const& stage_;
  std::unique_ptr<transport::MpiTransport> transport_;  // the leader's
  std::vector<std::size_t> lives_;                      // which of all
  TapedChannel::Mail mail_;
  std::vector<std::string> differences_;
};

std::vector<std::string> live_as_shard(Stage const& stage) {
  auto const number = static_cast<std::size_t>(stage.world.here.group);
  auto const& shards = stage.life.shards;
  auto const transport = stage.open_transport();
  protocol::TapeCheck check(fmt::format("shard {}", number),
                            protocol::first_versions(shards[number], stage.reach.changes[number]),
                            /*stops_at_first=*/false);
  protocol::ReplayingSyncer syncer(shards, number, stage.life.sites, stage.reach);
  ReplayShard(stage.plan, stage.resume, shards[number], std::move(syncer), *transport, check).run();
  transport->close(farewell_s);
  return check.differences();
}

// This process's part. Returns the differences that it found.
std::vector<std::string> live_again(LifeOfRun const& life, protocol::Reach const& reach,
                                    RunFolder const& folder, comm::MpiRuntime const& mpi) {
  auto const plan = make_plan(config_of(life));
  auto const resume = resume_point_of(life, folder);
  comm::World world(mpi, comm::SiteLayout(plan.config, mpi.size()));
  if (world.here.role == comm::Role::spare) return {};
  Trace trace(
      {.is_on = false, .run_folder = {}, .who = {}, .rank = mpi.rank(), .start_s = 0.0, .resumed_s = 0.0});
  Stage const stage{life, reach, plan, folder, resume, world, trace};
  return world.here.role == comm::Role::shard ? live_as_shard(stage) : SiteReplay(stage).run();
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
  for (auto const& site : life.sites) {
    auto const number = site.life.start.index;
    if (site.life.start.deck.empty())
      refuse(Kind::site, number, fmt::format("tells nothing of life {}", life.number),
             "a replay needs the tapes of all sites and shards; other lives: --life N");
    auto const is_impossible = [&](protocol::TapedRanks const& left) {
      return left.ranks == 0 || static_cast<std::uint64_t>(life.config.inner.batch) % left.ranks != 0;
    };
    if (std::ranges::any_of(site.life.only<protocol::TapedRanks>(), is_impossible))
      refuse(Kind::site, number, "the site goes on with an impossible number of ranks",
             "no run can have made this tape");
    if (!site.contradiction.empty())
      refuse(Kind::site, number, site.contradiction, "no run can have made this tape");
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
  for (auto const& site : life.sites) result.taped_boundaries += site.boundaries.size();
  for (std::size_t shard = 0; shard < life.shards.size(); ++shard) {
    auto const changes = protocol::changes_of(life.shards[shard]);
    auto const is_commit = [](protocol::ShardChange const& change) {
      return std::holds_alternative<protocol::TapedCommit>(change);
    };
    auto const reached = std::span(changes).first(reach.changes[shard]);
    result.commits += static_cast<std::uint64_t>(std::ranges::count_if(reached, is_commit));
    result.taped_commits += static_cast<std::uint64_t>(std::ranges::count_if(changes, is_commit));
  }

  auto const mine = fmt::format("{}", fmt::join(live_again(life, reach, folder, mpi), "\n"));
  for (int rank = 0; rank < mpi.size(); ++rank) {
    auto const text = mpi.broadcast_text(mine, rank);
    if (!text.empty()) result.differences.push_back(text);
  }
  return result;
}

}  // namespace atl::train
