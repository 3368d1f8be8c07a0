#include "protocol/syncer_machine.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/error.hpp"

namespace atl::protocol {

SyncerMachine::SyncerMachine(Options options)
    : options_(std::move(options)),
      gate_{.max_staleness = options_.outer.max_staleness,
            .max_tokens_per_step = options_.max_tokens_per_step},
      clock_(options_.outer.quorum),
      grace_(options_.outer),
      sites_(options_.sites, options_.outer.dead_after_s, options_.last_step) {
  for (int p = options_.shard; p < options_.outer.fragments; p += options_.shards) {
    fragments_.emplace_back(static_cast<std::uint32_t>(p), options_.outer, options_.sites);
  }
}

std::vector<SyncerAction> SyncerMachine::on_admitted(int site, std::uint64_t incarnation, double now_s) {
  now_s_ = now_s;
  std::vector<SyncerAction> actions;
  if (!sites_.admit(site, incarnation, now_s)) return advance(std::move(actions));
  for (auto& fragment : fragments_) {
    int const thrown_out = fragment.admit(site, incarnation, actions);
    if (thrown_out > 0) rejections_[Reason::old_incarnation] += static_cast<std::uint64_t>(thrown_out);
  }
  return advance(std::move(actions));
}

std::vector<SyncerAction> SyncerMachine::on_progress(int site, Progress const& progress, double now_s) {
  now_s_ = now_s;
  std::vector<SyncerAction> actions;
  if (!sites_.hear(site, progress.incarnation, now_s)) return advance(std::move(actions));
  if (progress.holding && !sites_[site].holding) last_advance_s_ = now_s;
  sites_.report(site, progress);
  for (auto const& copy : progress.fragments) {
    auto const slot = slot_of(copy.fragment);
    if (slot && fragments_[*slot].hear(site, copy, surroundings(), grace_)) last_advance_s_ = now_s;
  }
  for (auto& fragment : fragments_) fragment.catch_up(site, actions);
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
  } else if (auto const slot = slot_of(contribution.fragment)) {
    last_advance_s_ = now_s;
    reason = fragments_[*slot].receive(site, contribution, facts, surroundings(), actions);
  } else {
    reason = Reason::unknown_round;
    actions.emplace_back(DiscardPayload{facts.payload});
  }
  if (reason != Reason::none) ++rejections_[reason];
  return advance(std::move(actions));
}

std::vector<SyncerAction> SyncerMachine::on_hold(Purpose purpose, double now_s) {
  now_s_ = now_s;
  rest_ = purpose;
  last_advance_s_ = now_s;
  for (auto& fragment : fragments_) fragment.begin_rest();
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
  clock_.update(sites_.counted_steps(), sites_.take_changed());
  std::uint64_t unusual = 0;
  for (auto& fragment : fragments_) unusual += fragment.advance(surroundings(), grace_, actions);
  if (unusual > 0) rejections_[Reason::unusual_norm] += unusual;
  return actions;
}

std::optional<double> SyncerMachine::next_timer_s() const {
  std::optional<double> next = sites_.next_death_s();
  for (auto const& fragment : fragments_) {
    if (auto const timer = fragment.next_timer_s(surroundings()))
      next = std::min(next.value_or(*timer), *timer);
  }
  return next;
}

bool SyncerMachine::is_quiet() const {
  return rest_ && sites_.do_all_live_hold() &&
         std::ranges::all_of(
             fragments_, [&](OwnedFragment const& fragment) { return fragment.is_quiet(surroundings()); });
}

bool SyncerMachine::is_live(int site) const { return sites_[site].live; }

Version SyncerMachine::version(std::uint32_t fragment) const {
  auto const slot = slot_of(fragment);
  base::ensure(slot.has_value(), "a shard knows the versions of its own fragments");
  return fragments_[*slot].version();
}

std::string SyncerMachine::waiting_for() const {
  for (auto const& fragment : fragments_) {
    if (auto text = fragment.waiting_for(surroundings()); !text.empty()) return text;
  }
  int const missing = options_.outer.quorum - sites_.live_count();
  if (missing <= 0) return {};
  std::string names;
  for (int site = 0; site < sites_.size(); ++site) {
    if (sites_[site].live) continue;
    names += fmt::format("{}site {} ({})", names.empty() ? "" : ", ", site, sites_.describe(site, now_s_));
  }
  return fmt::format("the clock waits for {} of {} sites: {}", missing, options_.outer.quorum, names);
}

Surroundings SyncerMachine::surroundings() const {
  return {.outer = options_.outer,
          .gate = gate_,
          .sites = sites_,
          .synchronous = options_.synchronous,
          .clock = clock_.now(),
          .rest = rest_,
          .last_advance_s = last_advance_s_,
          .now_s = now_s_};
}

std::optional<std::size_t> SyncerMachine::slot_of(std::uint32_t fragment) const {
  if (fragment >= static_cast<std::uint32_t>(options_.outer.fragments) || !owns(fragment))
    return std::nullopt;
  return fragment / static_cast<std::uint32_t>(options_.shards);
}

std::vector<Member const*> SyncerMachine::held_members() const {
  std::vector<Member const*> held;
  for (auto const& fragment : fragments_) {
    for (auto const* member : fragment.held_members()) held.push_back(member);
  }
  return held;
}

void SyncerMachine::save(base::Writer& writer) const {
  writer.write("clock", clock_.now());
  for (auto const& fragment : fragments_) {
    fragment.save(*writer.group(fmt::format("fragment_{}", fragment.index())));
  }
}

void SyncerMachine::load(base::Reader const& reader, double now_s) {
  clock_.restore(reader.read_uint("clock"));
  PayloadHandle last_handle = 0;
  for (auto& fragment : fragments_) {
    fragment.load(*reader.group(fmt::format("fragment_{}", fragment.index())), now_s, last_handle);
  }
}

}  // namespace atl::protocol
