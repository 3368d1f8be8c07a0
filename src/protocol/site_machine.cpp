#include "protocol/site_machine.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/error.hpp"
#include "protocol/fragment_clock.hpp"

namespace atl::protocol {

namespace {

Outcome unless_said(SiteMachine::Options const& options) {
  if (options.rounds) return Outcome::merged;
  return options.late == deck::Late::carry ? Outcome::none : Outcome::dropped;
}

}  // namespace

SiteMachine::SiteMachine(Options options)
    : options_(options),
      owners_(static_cast<std::size_t>(std::min(options.shards, options.fragments))),
      heals_(options.heals),
      reported_(static_cast<std::size_t>(options.fragments)) {
  for (int p = 0; p < options_.fragments; ++p) {
    fragments_.emplace_back(static_cast<std::uint32_t>(p), unless_said(options_));
  }
  for (std::size_t seat = 0; seat < owners_.size(); ++seat) owners_[seat].shard = static_cast<int>(seat);
}

std::vector<SiteAction> SiteMachine::on_boundary(std::optional<StepDone> const& done,
                                                 std::span<SiteEvent const> events) {
  ++boundary_;
  base::ensure(!done || !is_waiting(), "a site takes no step while it waits for a release");
  if (done) count(*done);
  std::vector<SiteAction> actions;
  note_fates(events);
  take_owners(events, actions);
  take_in(events);
  auto const orders = take_rest_orders(events);

  // Adopting first: a contribution from a base that is about to be replaced would be stale for nothing.
  adopt_newest(events, actions);
  settle(actions);
  if (done && options_.rounds) contribute_unasked(actions);
  answer_pulls(actions);
  heal(events, actions);
  give_state(events, actions);
  actions.emplace_back(SendProgress{report()});
  if (owes_held_ && std::ranges::all_of(fragments_, [this](auto const& each) { return can_rest(each); })) {
    actions.emplace_back(SendHeld{{.id = hold_->id}});
    owes_held_ = false;
  }
  for (auto const& event : events) {
    if (auto const* marker = std::get_if<Marker>(&event); marker && is_ready())
      actions.emplace_back(Cut{*marker});
  }
  if (orders.save) actions.emplace_back(WriteState{*orders.save});
  if (orders.leave || (departs_ && has_given_all())) actions.emplace_back(Leave{});
  return actions;
}

void SiteMachine::count(StepDone const& done) {
  ++step_;
  for (auto& fragment : fragments_) fragment.count({.steps = 1, .tokens = done.tokens});
  step_s_ = step_s_ ? 0.5 * (*step_s_ + done.step_s) : done.step_s;
  loss_ = done.loss;
  stop_requested_ = done.stop_requested;
}

// Facts, whoever says them and when.
void SiteMachine::note_fates(std::span<SiteEvent const> events) {
  for (auto const& event : events) {
    if (auto const* held = std::get_if<HeldRelease>(&event)) {
      if (auto* fragment = find(held->release.fragment)) fragment->note_fate(held->release.fate);
    } else if (auto const* notice = std::get_if<FateNotice>(&event)) {
      if (auto* fragment = find(notice->fragment)) fragment->note_fate(notice->fate);
    } else if (auto const* pull = std::get_if<Pull>(&event)) {
      if (auto* fragment = find(pull->fragment)) fragment->note_fate(pull->fate);
    }
  }
}

void SiteMachine::take_in(std::span<SiteEvent const> events) {
  for (auto const& event : events) {
    if (auto const* pull = std::get_if<Pull>(&event)) {
      auto* const fragment = find(pull->fragment);
      if (fragment && obeys(pull->fragment, term_of(pull->round))) fragment->stand(*pull, boundary_);
    } else if (auto const* cancel = std::get_if<Cancel>(&event)) {
      auto* const fragment = find(cancel->fragment);
      if (fragment && obeys(cancel->fragment, term_of(cancel->round))) fragment->cancel(cancel->round);
    }
  }
  // After all explicit fates, which say more.
  for (auto const& event : events) {
    auto const* held = std::get_if<HeldRelease>(&event);
    auto* const fragment = held ? find(held->release.fragment) : nullptr;
    if (fragment && is_of_owner(held->release)) fragment->note_closed(held->release.round);
  }
}

SiteMachine::RestOrders SiteMachine::take_rest_orders(std::span<SiteEvent const> events) {
  RestOrders orders;
  for (auto const& event : events) {
    if (auto const* hold = std::get_if<Hold>(&event)) {
      hold_ = *hold;
      owes_held_ = true;
    } else if (std::holds_alternative<Depart>(event)) {
      departs_ = !options_.rounds;  // in the synchronous methods that would end the rounds
    } else if (auto const* save = std::get_if<Save>(&event)) {
      orders.save = *save;
    } else if (auto const* go = std::get_if<Go>(&event)) {
      // What was asked before is moot: this site was too late for it.
      orders = {};
      orders.leave = go->leave;
      owes_held_ = false;
      if (!go->leave) hold_.reset();
    }
  }
  return orders;
}

void SiteMachine::adopt_newest(std::span<SiteEvent const> events, std::vector<SiteAction>& actions) {
  for (auto const& event : events) {
    auto const* held = std::get_if<HeldRelease>(&event);
    if (!held) continue;
    auto* const fragment = find(held->release.fragment);
    bool const is_wanted = fragment && obeys(held->release.fragment, held->release.version.term);
    if (held->payload == 0) {
      if (is_wanted) fragment->note_lack(held->release);
      continue;
    }
    if (!is_wanted || !fragment->is_newer(held->release)) {
      actions.emplace_back(Discard{held->payload});
      continue;
    }
    auto const [chosen, is_first] = kept_.try_emplace(fragment->index(), *held);
    if (is_first) continue;
    auto& newest = chosen->second;
    bool const is_newer = newest.release.version < held->release.version;
    actions.emplace_back(Discard{is_newer ? newest.payload : held->payload});
    if (is_newer) newest = *held;
  }
  std::erase_if(kept_, [&](auto const& kept) {
    auto const& [release, payload] = kept.second;
    SiteFragment& fragment = fragments_[kept.first];
    if (!is_due(fragment) || !is_of_owner(release)) return false;
    AdoptRule const rule = fragment.adopt(release, options_.receive);
    actions.emplace_back(Adopt{release.fragment, release.version, payload, rule});
    return true;
  });
}

void SiteMachine::settle(std::vector<SiteAction>& actions) {
  for (auto& fragment : fragments_) {
    if (auto const advanced = fragment.settle()) actions.emplace_back(Settled{fragment.index(), *advanced});
  }
}

void SiteMachine::contribute_unasked(std::vector<SiteAction>& actions) {
  for (auto& fragment : fragments_) {
    auto const interval = options_.rounds->interval;
    if (step_ % interval != phase_of(fragment.index(), options_.fragments, interval)) continue;
    base::ensure(fragment.can_contribute(), "a round is over before the next begins");
    actions.emplace_back(contribution_of(fragment, step_));
  }
}

void SiteMachine::answer_pulls(std::vector<SiteAction>& actions) {
  // Only until they have arrived: a contribution may wait long for its quorum, and sites whose places were
  // all taken by such would wait for one another for ever.
  auto on_their_way = std::ranges::count_if(fragments_, &SiteFragment::is_on_its_way);
  std::vector<SiteFragment*> ready;
  for (auto& fragment : fragments_) {
    // Of an owner that was obeyed when it asked, and is no longer: nothing is given to it.
    bool const is_obeyed =
        term_of(fragment.standing_round().value_or(0)) >= owner_of(fragment.index()).promised;
    if (fragment.standing_round() && is_obeyed && fragment.can_contribute()) ready.push_back(&fragment);
  }
  std::ranges::stable_sort(ready, {}, &SiteFragment::standing_since);
  for (auto* fragment : ready) {
    if (on_their_way++ >= options_.in_flight) return;
    actions.emplace_back(contribution_of(*fragment, *fragment->standing_round()));
  }
}

Contribute SiteMachine::contribution_of(SiteFragment& fragment, std::uint64_t round) {
  return {fragment.contribute({.round = round, .incarnation = options_.incarnation, .step = step_}),
          owner_of(fragment.index()).shard};
}

Progress SiteMachine::report() {
  Progress progress{.incarnation = options_.incarnation,
                    .step = step_,
                    .step_s = step_s_.value_or(0.0),
                    .loss = loss_,
                    .heals = heals_,
                    .holding = is_holding(),
                    .leaving = departs_,
                    .stop_requested = stop_requested_,
                    .fragments = {}};
  progress.fragments.reserve(fragments_.size());
  for (auto const& fragment : fragments_) {
    if (!fragment.is_adopted()) continue;
    auto const entry = fragment.progress();
    auto& reported = reported_[fragment.index()];
    if (progress.holding || reported != entry) progress.fragments.push_back(entry);
    reported = entry;
  }
  return progress;
}

SiteFragment* SiteMachine::find(std::uint32_t fragment) {
  return fragment < fragments_.size() ? &fragments_[fragment] : nullptr;
}

bool SiteMachine::is_ready() const {
  return !heals_ && std::ranges::all_of(fragments_, &SiteFragment::is_adopted);
}

bool SiteMachine::is_holding() const { return hold_.has_value() || departs_ || is_at_end(); }

bool SiteMachine::is_waiting() const {
  return !is_at_end() && std::ranges::any_of(fragments_, [this](SiteFragment const& fragment) {
    return options_.rounds && fragment.contributed_round() && is_due(fragment);
  });
}

bool SiteMachine::is_at_end() const {
  bool const has_ended = options_.last_step > 0 && step_ >= options_.last_step;
  return has_ended || (hold_ && hold_->purpose == Purpose::finish);
}

// Whether a release of the fragment is to be adopted now.
bool SiteMachine::is_due(SiteFragment const& fragment) const {
  auto const round = fragment.contributed_round();
  return !options_.rounds || !round || is_at_end() || step_ >= *round + options_.rounds->overlap;
}

// What is known of the fragment here is all that there is to know; or, in the synchronous methods, its
// contribution has arrived and waits at the shard for the others.
bool SiteMachine::can_rest(SiteFragment const& fragment) const {
  bool const may_wait = options_.rounds && !(hold_ && hold_->purpose == Purpose::finish);
  return fragment.is_adopted() && !heals_ &&
         !(may_wait ? fragment.is_on_its_way() : fragment.contributed_round().has_value());
}

// What it has trained is in a version, or is nobody's: what becomes of each contribution is known.
bool SiteMachine::has_given_all() const {
  return std::ranges::all_of(fragments_, [](SiteFragment const& fragment) {
    return !fragment.is_adopted() ||
           (fragment.ledger().unsent.is_none() && fragment.ledger().pending.is_none());
  });
}

void SiteMachine::save(base::Writer& writer) const {
  base::ensure(is_ready(), "a site without parameters has no state to save");
  writer.write("step", step_);
  writer.write("incarnation", options_.incarnation);
  for (auto const& fragment : fragments_) {
    fragment.save(*writer.group(fmt::format("fragment_{}", fragment.index())));
  }
}

void SiteMachine::load(base::Reader const& reader) {
  step_ = reader.read_uint("step");
  options_.incarnation = reader.read_uint("incarnation") + 1;
  for (auto& fragment : fragments_) {
    fragment.load(*reader.group(fmt::format("fragment_{}", fragment.index())));
  }
}

}  // namespace atl::protocol
