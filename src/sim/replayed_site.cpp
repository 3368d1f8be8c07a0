#include "sim/replayed_site.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "sim/machine_options.hpp"

namespace atl::sim {

using namespace protocol;

void ReplayedSite::add(SiteStory const& story) {
  auto const& start = story.life.start;
  auto const options = site_options(stage_.scenario, site_, start.incarnation);
  auto boundaries = story.life.only<TapedBoundary>();
  number_payloads(boundaries);
  auto const who = fmt::format("site {}, life {}", site_, start.incarnation);
  lives_.push_back(
      {.story = story,
       .boundaries = std::move(boundaries),
       .machine = machine_after(start, options, {}),
       .values = start.state.empty() ? SiteValues(stage_.scenario, stage_.problem, site_)
                                     : stage_.snapshot->sites.at(site_).values,
       .check = {who, first_boundaries(story.life, story.boundaries.size()), /*stops_at_first=*/true}});
}

ReplayedSite::Life* ReplayedSite::life() {
  while (now_ < lives_.size() && lives_[now_].next == lives_[now_].boundaries.size()) ++now_;
  return now_ < lives_.size() ? &lives_[now_] : nullptr;
}

void ReplayedSite::plan_boundary() {
  auto const* next = life();
  if (!next) return;
  double const while_s = next->boundaries[next->next].step ? stage_.draws.real(0.1, 2.0) : 0.0;
  stage_.events.plan(stage_.events.now_s() + while_s, Event::Kind::boundary,
                     static_cast<std::uint32_t>(site_));
}

void ReplayedSite::receive(Frame frame) {
  if (auto const* release = std::get_if<protocol::Release>(&frame.message)) {
    releases_[{release->fragment, release->version}] = std::move(frame.parcel);
  } else if (auto const* state = std::get_if<StateData>(&frame.message)) {
    states_.emplace(state->incarnation, state->step);
  }
  if (waits_ && is_all_here()) cross_boundary();
}

bool ReplayedSite::is_all_here() {
  auto const* now = life();
  auto const& told = now->story.boundaries[now->next];
  auto const is_here = [&](Adopt const& adopt) {
    return releases_.contains({adopt.fragment, adopt.version});
  };
  return std::ranges::all_of(told.adopted, is_here) &&
         (!told.healed || states_.contains({told.healed->incarnation, told.healed->step}));
}

void ReplayedSite::cross_boundary() {
  waits_ = !is_all_here();
  if (waits_) return;
  auto& now = *life();
  auto const& taped = now.boundaries[now.next++];
  auto const done = taped.step ? std::optional(take_step(now)) : std::nullopt;
  auto const actions = now.machine.on_boundary(done, taped.events);
  TapedBoundary boundary{.step = {}, .events = taped_events(taped.events), .after = {}};
  if (done) boundary.step = {done->tokens, done->loss};
  boundary.after = state_digest(boundary, now.machine);
  now.check.put(boundary);
  for (auto const& action : actions) carry_out(now, action);
  plan_boundary();
}

StepDone ReplayedSite::take_step(Life& life) {
  auto const step = life.machine.step();
  if (!std::exchange(life.has_trained, true)) life.values.begin(step);
  life.values.train(step);
  return {.tokens = tokens_of(site_, step), .loss = life.values.loss()};
}

void ReplayedSite::carry_out(Life& life, SiteAction const& action) {
  Node const self = stage_.layout().site(site_);
  if (auto const* taken = std::get_if<Adopt>(&action)) {
    adopt(life, *taken);
  } else if (auto const* known = std::get_if<Settled>(&action)) {
    life.values.settle(static_cast<int>(known->fragment), known->advanced);
  } else if (auto const* asked = std::get_if<Contribute>(&action)) {
    contribute(life, *asked);
  } else if (auto const* give = std::get_if<GiveState>(&action)) {
    stage_.send(self, stage_.layout().site(give->site), give->state);
  } else if (std::holds_alternative<Leave>(action)) {
    auto const step = life.machine.step();
    life.check.put(TapedParameters{.step = step, .cursor = step, .parameters = life.values.digest()});
  } else if (auto const* told = std::get_if<SendProgress>(&action)) {
    if (told->progress.fragments.empty()) return;
    for (int shard = 0; shard < stage_.layout().shards; ++shard)
      stage_.send(self, stage_.layout().shard(shard), told->progress);
  }
}

void ReplayedSite::adopt(Life& life, Adopt const& adopt) {
  auto const fragment = static_cast<int>(adopt.fragment);
  auto const parcel = releases_.extract({adopt.fragment, adopt.version});
  life.values.adopt(fragment, parcel.mapped(), adopt.rule, life.machine.step());
  life.check.put(TapedBase{adopt.fragment, adopt.version, life.values.base_digest(fragment)});
}

void ReplayedSite::contribute(Life& life, Contribute const& asked) {
  auto const& sent = asked.contribution;
  auto const poison = stage_.recording.poison.find({site_, sent.incarnation, sent.fragment, sent.round});
  auto parcel = life.values.contribute(static_cast<int>(sent.fragment),
                                       poison == stage_.recording.poison.end() ? 1.0f : poison->second,
                                       life.machine.step());
  stage_.send(stage_.layout().site(site_), stage_.layout().shard(asked.owner), sent, std::move(parcel));
}

std::vector<std::string> ReplayedSite::differences() const {
  std::vector<std::string> all;
  for (auto const& each : lives_) {
    for (auto& difference : each.check.differences()) all.push_back(std::move(difference));
  }
  return all;
}

}  // namespace atl::sim
