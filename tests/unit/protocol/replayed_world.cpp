#include "replayed_world.hpp"

#include <algorithm>
#include <set>

#include "base/rng.hpp"

namespace atl::test {

using namespace protocol;

namespace {

base::Digest digest_of(Tally const& tally) { return base::digest_of(std::span<int const>(tally)); }

}  // namespace

std::vector<LifeTold> lives_told(Tapes const& tapes, WorldOptions const& options) {
  std::map<std::uint64_t, LifeTold> told;
  for (auto const& [who, entries] : tapes) {
    for (auto& [number, own] : lives_of(entries, who, "tape")) {
      for (auto& life : own) {
        if (who.kind == Participant::Kind::site) {
          told[number].sites.push_back(follow(std::move(life), site_options(options)));
        } else {
          told[number].shards.push_back(std::move(life));
        }
      }
    }
  }
  std::vector<LifeTold> lives;
  for (auto& [number, life] : told) lives.push_back(std::move(life));
  return lives;
}

ReplayedWorld::ReplayedWorld(LifeTold const& life, WorldOptions const& options, std::size_t capacity,
                             std::uint64_t seed)
    : life_(life), options_(options), capacity_(capacity), reach_(reach_of(life.sites, life.shards)) {
  options_.seed = seed;
  Tally const nothing(static_cast<std::size_t>(options.sites) * capacity, 0);
  std::vector<Tally> const zero(static_cast<std::size_t>(options.outer.fragments), nothing);
  for (auto const& site : life.sites) {
    sites_.push_back({.machine = SiteMachine(site_options(options)),
                      .theta = zero,
                      .base = zero,
                      .snapshot = zero,
                      .boundaries = site.life.only<TapedBoundary>(),
                      .bases = site.life.only<TapedBase>(),
                      .arrived = {}});
  }
  for (std::size_t s = 0; s < life.shards.size(); ++s) {
    auto const& tape = life.shards[s];
    shards_.push_back({.syncer = ReplayingSyncer(life.shards, s, life.sites, reach_),
                       .theta = {},
                       .versions = {},
                       .commits = tape.only<TapedCommit>(),
                       .mail = {},
                       .held = {}});
    for (auto const& begun : tape.only<TapedVersion>()) {
      shards_.back().theta[begun.fragment] = nothing;
      shards_.back().versions[{begun.fragment, begun.version}] = nothing;
    }
  }
}

std::string ReplayedWorld::run() {
  base::Philox const random{options_.seed};
  for (auto& shard : shards_) act(shard, shard.syncer.on_start());
  for (std::uint64_t turn = 0; difference_.empty(); ++turn) {
    std::vector<std::size_t> ready;  // sites, then shards
    for (std::size_t m = 0; m < sites_.size(); ++m) {
      if (can_step(m)) ready.push_back(m);
    }
    for (std::size_t s = 0; s < shards_.size(); ++s) {
      if (!shards_[s].mail.empty()) ready.push_back(sites_.size() + s);
    }
    if (ready.empty()) break;
    auto const who = ready[random.below(ready.size(), 1, turn)];
    who < sites_.size() ? step(who) : take_mail(shards_[who - sites_.size()]);
  }
  for (std::size_t m = 0; m < sites_.size(); ++m) {
    if (sites_[m].boundary != reach_.boundaries[m]) differ("site " + std::to_string(m) + " came not as far");
  }
  for (std::size_t s = 0; s < shards_.size(); ++s) {
    if (shards_[s].committed != reach_.changes[s]) differ("shard " + std::to_string(s) + " came not as far");
  }
  return difference_;
}

// Nothing is waited for but the payloads that are adopted at the next boundary.
bool ReplayedWorld::can_step(std::size_t m) const {
  auto const& site = sites_[m];
  if (site.boundary == reach_.boundaries[m]) return false;
  return std::ranges::all_of(life_.sites[m].boundaries[site.boundary].adopted, [&](Adopt const& adopt) {
    return site.arrived.contains({adopt.fragment, adopt.version});
  });
}

void ReplayedWorld::step(std::size_t m) {
  auto& site = sites_[m];
  auto const& taped = site.boundaries[site.boundary++];
  std::optional<StepDone> done;
  if (taped.step) {
    done = StepDone{.tokens = taped.step->tokens, .loss = taped.step->loss};
    for (auto& theta : site.theta) ++theta[m * capacity_ + site.machine.step()];
  }
  auto const actions = site.machine.on_boundary(done, taped.events);
  if (state_digest(taped, site.machine) != taped.after) differ("the books of a site");
  for (auto const& action : actions) {
    if (auto const* adopt = std::get_if<Adopt>(&action)) {
      auto const p = adopt->fragment;
      auto const released = site.arrived.extract({p, adopt->version}).mapped();
      take_over(adopt->rule, released, site.theta[p], site.base[p], site.snapshot[p]);
      auto const taped_base = site.adopted++;  // torn off, perhaps
      if (taped_base < site.bases.size() && digest_of(site.base[p]) != site.bases[taped_base].base)
        differ("a base");
    } else if (auto const* made = std::get_if<Contribute>(&action)) {
      auto const p = made->contribution.fragment;
      Tally const nothing(site.theta[p].size(), 0);
      site.snapshot[p] = site.theta[p];
      shards_[p % shards_.size()].mail.push_back(
          {static_cast<int>(m), made->contribution, moved(nothing, site.theta[p], site.base[p])});
    } else if (auto const* progress = std::get_if<SendProgress>(&action)) {
      for (auto& shard : shards_) shard.mail.push_back({static_cast<int>(m), progress->progress, {}});
    }
  }
}

void ReplayedWorld::take_mail(Shard& shard) {
  auto const mail = std::move(shard.mail.front());
  shard.mail.pop_front();
  if (auto const* progress = std::get_if<Progress>(&mail.message))
    return act(shard, shard.syncer.on_progress(mail.site, *progress));
  shard.held[++shard.last_handle] = mail.payload;
  act(shard,
      shard.syncer.on_contribution(mail.site, std::get<Contribution>(mail.message), shard.last_handle));
}

void ReplayedWorld::act(Shard& shard, std::vector<ReplayAction> const& actions) {
  for (auto const& action : actions) {
    if (auto const* commit = std::get_if<Commit>(&action)) {
      auto& theta = shard.theta.at(commit->fragment);
      for (auto const& member : commit->members) {
        auto const delta = shard.held.extract(member.payload).mapped();
        for (std::size_t i = 0; i < theta.size(); ++i) theta[i] += delta[i];
      }
      if (digest_of(theta) != shard.commits[shard.committed++].made.theta) differ("a commit");
      shard.versions[{commit->fragment, commit->version}] = theta;
    } else if (auto const* send = std::get_if<SendRelease>(&action)) {
      std::pair const name(send->release.fragment, send->release.version);
      if (!shard.syncer.is_wanted(name.first, name.second)) differ("a release is sent that nobody wants");
      sites_[static_cast<std::size_t>(send->site)].arrived[name] = shard.versions.at(name);
    } else if (auto const* discard = std::get_if<DiscardPayload>(&action)) {
      shard.held.erase(discard->payload);
    }
  }
}

void ReplayedWorld::differ(std::string const& what) {
  if (difference_.empty()) difference_ = what;
}

}  // namespace atl::test
