#include "sim/replay.hpp"

#include <fmt/format.h>

#include <deque>
#include <exception>
#include <utility>

#include "sim/machine_options.hpp"
#include "sim/replayed_shard.hpp"
#include "sim/replayed_site.hpp"

namespace atl::sim {

using namespace protocol;

namespace {

// Links of another speed, on which frames overtake one another as they like.
LinkOptions draw_links(Draws& draws) {
  return {.latency_s = draws.real(0.0, 3.0),
          .bytes_per_s = draws.real(500.0, 1e6),
          .jitter = draws.real(0.0, 4.0)};
}

class ReplayWorld {
 public:
  ReplayWorld(Scenario const& scenario, Recording const& recording, std::vector<SiteStory> const& stories,
              Reach const& reach, std::uint64_t timing, SavedRun const* from)
      : problem_(scenario.outer.fragments, scenario.seed),
        no_faults_(scenario.layout.size()),
        draws_(timing, Stream::sites),
        network_(scenario.layout, draw_links(draws_), timing, events_, no_faults_),
        stage_{scenario, problem_, recording, from, events_, network_, draws_} {
    for (int site = 0; site < scenario.layout.sites; ++site) sites_.emplace_back(stage_, site);
    for (auto const& story : stories) sites_[story.life.start.index].add(story);
    for (std::size_t shard = 0; shard < recording.shards.size(); ++shard) {
      TapeCheck check(fmt::format("shard {}", shard),
                      first_versions(recording.shards[shard], reach.changes[shard]),
                      /*stops_at_first=*/false);
      shards_.emplace_back(stage_, static_cast<int>(shard),
                           ReplayingSyncer(recording.shards, shard, stories, reach), std::move(check));
    }
  }

  void run() {
    for (std::size_t shard = 0; shard < shards_.size(); ++shard)
      shards_[shard].start(stage_.recording.shards[shard].only<TapedVersion>());
    for (auto& site : sites_) site.start();
    while (!events_.is_empty()) {
      auto const event = events_.next();
      event.kind == Event::Kind::boundary ? sites_[event.who].cross_boundary() : deliver(event.who);
    }
  }

  void report(Replay& replay) const {
    auto const add = [&](std::vector<std::string> const& found) {
      replay.differences.insert(replay.differences.end(), found.begin(), found.end());
    };
    for (auto const& shard : shards_) {
      add(shard.differences());
      replay.versions += shard.compared();
    }
    for (auto const& site : sites_) add(site.differences());
    replay.traffic = network_.digest();
  }

 private:
  void deliver(std::uint32_t channel) {
    auto frame = network_.arrive(channel);
    if (!frame) return;
    auto const index = static_cast<std::size_t>(stage_.layout().index_of(frame->to));
    if (stage_.layout().is_site(frame->to)) {
      sites_[index].receive(std::move(*frame));
    } else {
      shards_[index].receive(*frame);
    }
  }

  Quadratic problem_;
  EventQueue events_;
  FaultBoard no_faults_;
  Draws draws_;
  Network network_;
  ReplayStage stage_;
  std::deque<ReplayedSite> sites_;
  std::deque<ReplayedShard> shards_;
};

// Where the tapes contradict themselves or one another: what they rest on that none of them tells.
std::vector<std::string> contradictions(std::vector<SiteStory> const& stories,
                                        std::vector<TapedLife> const& shards, Reach const& reach) {
  std::vector<std::string> all;
  for (std::size_t i = 0; i < stories.size(); ++i) {
    auto const& story = stories[i];
    auto what = story.contradiction;
    if (what.empty() && reach.boundaries[i] < story.boundaries.size())
      what = fmt::format("boundary {} takes what nobody has made", reach.boundaries[i] + 1);
    auto const& start = story.life.start;
    if (!what.empty())
      all.push_back(fmt::format("site {}, life {}: {}", start.index, start.incarnation, what));
  }
  for (std::size_t shard = 0; shard < shards.size(); ++shard) {
    auto const changes = changes_of(shards[shard]);
    if (reach.changes[shard] == changes.size()) continue;
    all.push_back(fmt::format("shard {}: {} is of what nobody has made", shard,
                              describe(made_by(changes[reach.changes[shard]]))));
  }
  return all;
}

}  // namespace

Replay replay(Scenario const& scenario, Recording recording, std::uint64_t timing, SavedRun const* from) {
  Replay replay;
  std::vector<SiteStory> stories;
  for (auto& life : recording.sites) {
    auto const options = site_options(scenario, static_cast<int>(life.start.index), life.start.incarnation);
    stories.push_back(follow(std::move(life), options));
    replay.boundaries += stories.back().boundaries.size();
  }
  replay.lives = stories.size();
  auto const reach = reach_of(stories, recording.shards);
  replay.differences = contradictions(stories, recording.shards, reach);
  if (!replay.differences.empty()) return replay;
  try {
    ReplayWorld world(scenario, recording, stories, reach, timing, from);
    world.run();
    world.report(replay);
  } catch (std::exception const& failure) {
    replay.differences.emplace_back(failure.what());
  }
  return replay;
}

}  // namespace atl::sim
