#include "protocol/syncer_machine.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <ranges>
#include <utility>

#include "base/error.hpp"

namespace atl::protocol {

SyncerMachine::SyncerMachine(Options options)
    : options_(std::move(options)),
      gate_{.max_staleness = options_.outer.max_staleness,
            .max_tokens_per_step = options_.max_tokens_per_step},
      clock_(options_.outer.quorum),
      grace_(options_.outer),
      sites_(options_.sites, options_.outer.dead_after_s, options_.last_step),
      seats_(options_.shard, options_.shards, options_.outer.fragments, options_.replicated,
             options_.outer.dead_after_s) {
  for (int p = options_.shard; p < options_.outer.fragments; p += options_.shards) {
    auto const index = static_cast<std::uint32_t>(p);
    bool const replicated = seats_.backup(seat_of(index)).has_value();
    fragments_.try_emplace(index, index, options_.outer, options_.sites, replicated);
  }
}

std::vector<SyncerAction> SyncerMachine::on_admitted(int site, std::uint64_t incarnation, double now_s,
                                                     bool heals) {
  now_s_ = now_s;
  std::vector<SyncerAction> actions;
  if (!sites_.greet(site, incarnation, heals, now_s)) return advance(std::move(actions));
  for (auto& [p, fragment] : fragments_)
    count(Reason::old_incarnation, fragment.admit(site, incarnation, surroundings(), actions));
  for (auto& [p, fragment] : fragments_) fragment.receive_in_flight(site, surroundings(), actions);
  return advance(std::move(actions));
}

Welcome SyncerMachine::welcome(int site) const {
  constexpr std::size_t most_donors = 4;
  Welcome welcome{.refusal = {},
                  .shard = static_cast<std::uint32_t>(options_.shard),
                  .donors = sites_.donors_for(site, most_donors),
                  .step = sites_.furthest_step(site),
                  .seats = {}};
  for (std::uint32_t seat = 0; seat < static_cast<std::uint32_t>(seats_.size()); ++seat) {
    if (seats_.is_mine(seat)) welcome.seats.push_back(seats_.news(seat));
  }
  return welcome;
}

std::vector<SyncerAction> SyncerMachine::on_site_lost(int site, double now_s) {
  now_s_ = now_s;
  std::vector<SyncerAction> actions;
  if (!sites_.lose(site)) return advance(std::move(actions));
  for (auto& [p, fragment] : fragments_) count(Reason::old_incarnation, fragment.lose(site, actions));
  return advance(std::move(actions));
}

std::vector<SyncerAction> SyncerMachine::on_progress(int site, Progress const& progress, double now_s) {
  now_s_ = now_s;
  std::vector<SyncerAction> actions;
  if (!sites_.hear(site, progress.incarnation, now_s)) return advance(std::move(actions));
  if (rest_ && progress.holding) {
    auto& said = said_at_rest_[static_cast<std::size_t>(site)];
    if (!sites_[site].holding || said != progress.fragments) last_advance_s_ = now_s;
    said = progress.fragments;
  }
  clock_.saw(sites_[site].step, progress.step);
  sites_.report(site, progress);
  for (auto const& copy : progress.fragments) {
    if (auto* const fragment = find(copy.fragment)) fragment->hear(site, copy, surroundings(), grace_);
  }
  for (auto& [p, fragment] : fragments_) fragment.catch_up(site, surroundings(), actions);
  return advance(std::move(actions));
}

std::vector<SyncerAction> SyncerMachine::on_contribution(int site, Contribution const& contribution,
                                                         PayloadFacts facts, double now_s) {
  now_s_ = now_s;
  std::vector<SyncerAction> actions;
  Reason reason = Reason::none;
  // Without a word: the site of today has its own contributions, and would take the word for theirs.
  if (!sites_.hear(site, contribution.incarnation, now_s)) {
    reason = Reason::old_incarnation;
    actions.emplace_back(DiscardPayload{facts.payload});
  } else if (auto* const fragment = find(contribution.fragment)) {
    last_advance_s_ = now_s;
    reason = fragment->receive(site, contribution, facts, surroundings(), actions);
  } else {
    reason = Reason::unknown_round;
    actions.emplace_back(DiscardPayload{facts.payload});
  }
  if (reason != Reason::none) count(reason);
  return advance(std::move(actions));
}

void SyncerMachine::count(Reason reason, int times) {
  if (times > 0) rejections_[reason] += static_cast<std::uint64_t>(times);
}

std::vector<SyncerAction> SyncerMachine::on_hold(Purpose purpose, double now_s) {
  now_s_ = now_s;
  rest_ = purpose;
  last_advance_s_ = now_s;
  said_at_rest_.assign(static_cast<std::size_t>(options_.sites), {});
  for (auto& [p, fragment] : fragments_) fragment.begin_rest();
  return advance({});
}

std::vector<SyncerAction> SyncerMachine::on_go(double now_s) {
  now_s_ = now_s;
  rest_.reset();
  return advance({});
}

std::vector<SyncerAction> SyncerMachine::on_timer(double now_s) {
  now_s_ = now_s;
  return advance({});
}

std::vector<SyncerAction> SyncerMachine::advance(std::vector<SyncerAction> actions) {
  sites_.sweep(now_s_);
  bool const has_changed = sites_.take_changed();
  if (has_changed || clock_.is_behind()) clock_.update(sites_.counted_steps(), has_changed);
  carry_out(seats_.tick(now_s_), actions);
  show_life(actions);
  auto const touched = sites_.take_touched();
  for (auto& [p, fragment] : fragments_) {
    for (int const site : touched) fragment.touch(site);
  }
  for (auto& [p, fragment] : fragments_)
    count(Reason::unusual_norm, fragment.advance(surroundings(p), grace_, actions));
  return actions;
}

std::optional<double> SyncerMachine::next_timer_s() const {
  std::optional<double> next = sites_.next_death_s();
  auto const consider = [&](std::optional<double> timer) {
    if (timer) next = std::min(next.value_or(*timer), *timer);
  };
  auto const around = surroundings();
  for (auto const& [p, fragment] : fragments_) consider(fragment.next_timer_s(around));
  consider(seats_.next_timer_s());
  if (options_.replicated) consider(showed_life_s_ + life_every_s());
  return next;
}

bool SyncerMachine::is_quiet() const {
  return rest_ && sites_.do_all_live_hold() &&
         std::ranges::all_of(std::views::values(fragments_), [&](OwnedFragment const& fragment) {
           return fragment.is_published() && fragment.is_quiet(surroundings());
         });
}

bool SyncerMachine::is_live(int site) const { return sites_[site].live; }
bool SyncerMachine::is_admitted(int site) const { return sites_[site].admitted; }

Version SyncerMachine::version(std::uint32_t fragment) const {
  auto const found = fragments_.find(fragment);
  base::ensure(found != fragments_.end(), "a shard knows the versions of its own fragments");
  return found->second.version();
}

std::string SyncerMachine::waiting_for() const {
  for (auto const& [p, fragment] : fragments_) {
    if (auto text = fragment.waiting_for(surroundings()); !text.empty()) return text;
  }
  int const missing = options_.outer.quorum - sites_.live_count();
  if (missing <= 0) return {};
  std::string names;
  for (int site = 0; site < sites_.size(); ++site) {
    if (sites_[site].live && sites_[site].admitted) continue;
    names += fmt::format("{}site {} ({})", names.empty() ? "" : ", ", site, sites_.describe(site, now_s_));
  }
  return fmt::format("the clock waits for {} of {} sites: {}", missing, options_.outer.quorum, names);
}

Surroundings SyncerMachine::surroundings(std::uint32_t fragment) const {
  return {.outer = options_.outer,
          .gate = gate_,
          .sites = sites_,
          .synchronous = options_.synchronous,
          .clock = clock_.now(),
          .backup = seats_.backup(seat_of(fragment)),
          .rest = rest_,
          .last_advance_s = last_advance_s_,
          .now_s = now_s_};
}

bool SyncerMachine::has_true_standings() const {
  return std::ranges::all_of(std::views::values(fragments_), [&](OwnedFragment const& fragment) {
    return fragment.has_true_standings(surroundings());
  });
}

OwnedFragment* SyncerMachine::find(std::uint32_t fragment) {
  auto const found = fragments_.find(fragment);
  return found == fragments_.end() ? nullptr : &found->second;
}

std::vector<Member const*> SyncerMachine::held_members() const {
  std::vector<Member const*> held;
  for (auto const& [p, fragment] : fragments_) {
    for (auto const* member : fragment.held_members()) held.push_back(member);
  }
  return held;
}

void SyncerMachine::save(base::Writer& writer) const {
  writer.write("clock", clock_.now());
  std::vector<std::uint64_t> incarnations;
  for (int site = 0; site < sites_.size(); ++site) incarnations.push_back(sites_[site].incarnation);
  writer.write("incarnations", incarnations);
  for (auto const& [p, fragment] : fragments_) {
    fragment.save(*writer.group(fmt::format("fragment_{}", fragment.index())));
  }
}

void SyncerMachine::load(base::Reader const& reader, double now_s) {
  clock_.restore(reader.read_uint("clock"));
  PayloadHandle last_handle = 0;
  for (auto& [p, fragment] : fragments_) {
    fragment.load(*reader.group(fmt::format("fragment_{}", fragment.index())), now_s, last_handle);
    auto const incarnations = reader.read_uints("incarnations");
    for (int site = 0; site < std::min(sites_.size(), static_cast<int>(incarnations.size())); ++site)
      fragment.expect(site, incarnations[static_cast<std::size_t>(site)] + 1);
  }
}

Contribution SyncerMachine::put_in_flight(int site, Contribution contribution, PayloadFacts facts) {
  contribution.round = without_term(contribution.round);
  contribution.base.term = 0;
  ++contribution.incarnation;
  if (auto* const fragment = find(contribution.fragment)) fragment->put_in_flight(site, contribution, facts);
  return contribution;
}

}  // namespace atl::protocol
