#include "protocol/owned_fragment.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "deck/deck.hpp"
#include "protocol/fragment_clock.hpp"

namespace atl::protocol {

OwnedFragment::OwnedFragment(std::uint32_t index, deck::OuterSection const& outer, int sites, bool replicated)
    : index_(index),
      next_due_(first_due(index, outer.fragments, outer.interval_steps)),
      copies_(static_cast<std::size_t>(sites)),
      standings_(copies_.size()),
      published_(!replicated) {}

OwnedFragment::OwnedFragment(Replica const& replica, std::uint64_t term)
    : index_(replica.fragment),
      version_{.term = term, .commits = replica.version.commits},
      made_by_round_(first_round_of(term)),
      rounds_(first_round_of(term)),
      next_due_(replica.next_due),
      oldest_known_(replica.version.commits),
      usual_(replica.usual),
      standings_(replica.sites.size()) {
  for (auto const& site : replica.sites) {
    copies_.push_back({.fates = site.fates, .needed = {term, site.needed.commits}});
    if (!site.fates.empty()) copies_.back().fate = site.fates.back();
  }
}

// ---- who owns it ----

Replica OwnedFragment::replica() const {
  Replica replica{
      .fragment = index_, .version = version_, .next_due = next_due_, .sites = {}, .usual = usual_};
  for (auto const& copy : copies_) replica.sites.push_back({.fates = copy.fates, .needed = copy.needed});
  return replica;
}

void OwnedFragment::begin_term(std::uint64_t term, Actions& actions) {
  for (int site = 0; site < static_cast<int>(copies_.size()); ++site) throw_out(site, std::nullopt, actions);
  Replica const state = replica();
  *this = OwnedFragment(state, term);
}

void OwnedFragment::on_ack(int shard, Version const& version, Surroundings const& around, Actions& actions) {
  if (backup_ != shard || version != version_) return;
  is_acknowledged_ = true;
  stand_in_ = shard;
  if (!published_) publish(around, actions);
}

// ---- what sites say and send ----

int OwnedFragment::admit(int site, std::uint64_t incarnation, Surroundings const& around, Actions& actions) {
  Copy& copy = copy_of(site);
  touch(site);
  bool const goes_on = copy.expected == incarnation;
  bool const has_in_flight = goes_on && !copy.in_flight.empty();
  int const thrown_out = throw_out(site, incarnation, actions);
  Copy before = std::exchange(copy, {});
  copy.carried = std::move(before.carried);
  if (goes_on) {
    copy.fate = before.fate;
    copy.fates = std::move(before.fates);
    copy.needed = before.needed;
    copy.received_round = before.received_round;
    copy.in_flight = std::move(before.in_flight);
    for (auto const& fate : copy.fates)
      actions.emplace_back(SendToSite{site, FateNotice{.fragment = index_, .fate = fate}});
  } else {
    for (auto const& [contribution, facts] : before.in_flight)
      actions.emplace_back(DiscardPayload{facts.payload});
  }
  if (round_ && has_in_flight) round_->pulled.insert(site);
  owe(site, around, actions);
  return thrown_out;
}

void OwnedFragment::receive_in_flight(int site, Surroundings const& around, Actions& actions) {
  for (auto const& [contribution, facts] : std::exchange(copy_of(site).in_flight, {})) {
    if (contribution.incarnation != around.sites[site].incarnation) {  // of a life before the saved one
      actions.emplace_back(DiscardPayload{facts.payload});
      continue;
    }
    copy_of(site).pulled_round = contribution.round;
    receive(site, contribution, facts, around, actions);
  }
}

int OwnedFragment::lose(int site, Actions& actions) {
  int const thrown_out = throw_out(site, std::nullopt, actions);
  copy_of(site) = {};
  touch(site);
  owed_.erase(site);
  return thrown_out;
}

void OwnedFragment::owe(int site, Surroundings const& around, Actions& actions) {
  if (published_) {
    send_release(site, around, actions);
  } else {
    owed_.insert(site);
  }
}

int OwnedFragment::throw_out(int site, std::optional<std::uint64_t> spared_incarnation, Actions& actions) {
  int thrown_out = 0;
  auto const is_spared = [&](Member const& member) {
    if (member.contribution.incarnation == spared_incarnation) return true;
    actions.emplace_back(DiscardPayload{member.payload});
    ++thrown_out;
    return false;
  };
  if (round_) {
    auto const member = round_->members.find(site);
    bool const has_member = member != round_->members.end();
    if (!has_member || !is_spared(member->second)) {
      round_->pulled.erase(site);
      round_->answered.erase(site);
      round_->unusual.erase(site);
      if (has_member) round_->members.erase(member);
    }
  }
  auto& carried = copy_of(site).carried;
  if (carried && !is_spared(*carried)) carried.reset();
  return thrown_out;
}

void OwnedFragment::hear(int site, Progress::Fragment const& said, Surroundings const& around,
                         GraceWindow& grace) {
  // From before the site heard who its owner is.
  if (!around.synchronous && term_of(said.round) < version_.term) return;
  Copy& copy = copy_of(site);
  touch(site);
  if (copy.pending != said.pending) copy.pending_since_s = around.now_s;
  // Of one that was sent twice nobody knows which has come (Karn and Partridge 1987).
  bool const is_adopted = copy.base < copy.sent && said.base >= copy.sent;
  if (is_adopted && copy.resent_s == copy.sent_s) learn_journey(site, copy.sent_s, around);
  copy.base = said.base;
  copy.unsent = said.unsent;
  copy.pending = said.pending;
  copy.done_round = said.round;
  copy.lacks = said.lacks;
  // What a site is done with, of a life of this shard before a checkpoint, must not be asked for again.
  if (!around.synchronous && !round_) rounds_ = std::max(rounds_, said.round);
  std::erase_if(copy.fates, [&](Fate const& fate) {
    return fate.round <= said.round && (said.open_round == 0 || fate.round < said.open_round);
  });
  if (copy.awaited && said.base >= copy.awaited->version) {
    // A site that was silent in between says nothing of the link.
    bool const was_live = around.sites[site].live_since_s <= copy.awaited->since_s;
    if (was_live) grace.saw_adoption(around.now_s - copy.awaited->since_s);
    copy.awaited.reset();
  }
}

// In the synchronous methods a site may well be silent about a version for long, and what was lost ends the
// run.
void OwnedFragment::catch_up(int site, Surroundings const& around, Actions& actions) {
  constexpr double longer = 4.0;  // than lately a payload may well take
  Copy& copy = copy_of(site);
  double const usual_s = std::max(around.outer.dead_after_s, longer * copy.journey_s);
  auto const is_overdue = [&](double since_s, double patience_s) {
    double const from_s = std::max(since_s, around.sites[site].live_since_s);
    return !around.synchronous && around.now_s >= from_s + patience_s;
  };
  if (copy.pending > copy.received_round && is_overdue(copy.pending_since_s, usual_s))
    drop_lost(site, actions);
  if (!published_ || copy.base >= version_) return;
  bool const seems_lost = is_overdue(copy.resent_s, std::max(usual_s, copy.patience_s));
  if (seems_lost) copy.patience_s = 2.0 * std::max(usual_s, copy.patience_s);
  bool const has_missed = copy.sent < version_ || seems_lost;
  bool const must_be_whole = copy.sent_whole && copy.lacks > *copy.sent_whole;
  if (has_missed || must_be_whole) send_release(site, around, actions);
}

// A contribution that was announced and has not come. Should it come yet, it counts as one that came twice.
void OwnedFragment::drop_lost(int site, Actions& actions) {
  Copy& copy = copy_of(site);
  copy.received_round = copy.lost_round = copy.pending;
  copy.lost_since_s = copy.pending_since_s;
  touch(site);
  if (round_ && round_->number == copy.pending) round_->answered.insert(site);
  tell(site, {copy.pending, Outcome::dropped, Reason::none}, actions);
}

// Not of one that was silent meanwhile.
void OwnedFragment::learn_journey(int site, double since_s, Surroundings const& around) {
  if (around.sites[site].live_since_s > since_s) return;
  double& journey_s = copy_of(site).journey_s;
  journey_s = std::max(around.now_s - since_s, 0.5 * journey_s);
}

Reason OwnedFragment::receive(int site, Contribution const& contribution, PayloadFacts const& facts,
                              Surroundings const& around, Actions& actions) {
  Copy& copy = copy_of(site);
  // Without a word to the site, which has heard from its new owner what became of it.
  if (!around.synchronous && term_of(contribution.round) < version_.term) {
    actions.emplace_back(DiscardPayload{facts.payload});
    return Reason::old_term;
  }
  // Without a word to the site: what it hears of this round must be the fate of the first copy.
  if (contribution.round <= copy.received_round) {
    if (contribution.round == copy.lost_round) learn_journey(site, copy.lost_since_s, around);
    actions.emplace_back(DiscardPayload{facts.payload});
    return Reason::duplicate;
  }
  if (contribution.round == copy.pending) learn_journey(site, copy.pending_since_s, around);
  copy.received_round = contribution.round;
  touch(site);
  if (around.synchronous) join_unasked(site, contribution.round, around);

  bool const is_in_time = round_ && round_->number == contribution.round && round_->pulled.contains(site);
  if (is_in_time) round_->answered.insert(site);
  Reason reason = Reason::unknown_round;
  if (is_in_time || can_carry(copy, contribution, around)) {
    reason = around.gate.inspect(contribution, facts.finite, version_);
    if (reason == Reason::none && is_too_old(contribution.base, around)) reason = Reason::stale_base;
  }
  // In a round it may turn out that most are like that; alone it may not. In a synchronous method what is
  // refused ends the run, and a norm is no reason for that.
  bool const is_unusual =
      !around.synchronous && usual_.is_unusual(facts.norm, contribution.work, around.outer.gate_z);
  if (reason == Reason::none && is_unusual && !is_in_time) reason = Reason::unusual_norm;
  if (reason != Reason::none) {
    actions.emplace_back(DiscardPayload{facts.payload});
    auto const outcome = reason == Reason::unknown_round ? Outcome::dropped : Outcome::rejected;
    tell(site, {contribution.round, outcome, reason}, actions);
    return reason;
  }
  auto const member = member_of(site, facts, contribution);
  if (is_in_time) {
    round_->members[site] = member;
    if (is_unusual) round_->unusual.insert(site);
    Fate const receipt{contribution.round, Outcome::received, Reason::none};
    actions.emplace_back(SendToSite{site, FateNotice{.fragment = index_, .fate = receipt}});
  } else {
    drop_carried(site, actions);
    copy.carried = member;
    copy.needed = std::max(copy.needed, {contribution.base.term, contribution.base.commits + 1});
    tell(site, {contribution.round, Outcome::carried, Reason::none}, actions);
  }
  return Reason::none;
}

// With the token weight, quantity times quality (Decoupled DiLoCo, §3.2).
Member OwnedFragment::member_of(int site, PayloadFacts const& facts, Contribution const& contribution) const {
  auto const tokens = static_cast<double>(contribution.work.tokens);
  return {.site = site,
          .payload = facts.payload,
          .weight = tokens * tokens / static_cast<double>(contribution.work.steps),
          .contribution = contribution,
          .norm = facts.norm,
          .staleness = version_.commits - std::min(contribution.base.commits, version_.commits)};
}

// Late, for a round that the site was asked for. And only what the site would lose: where no newer version
// takes its place, theta still holds the work, which then simply goes into the next contribution.
bool OwnedFragment::can_carry(Copy const& copy, Contribution const& contribution,
                              Surroundings const& around) const {
  bool const has_round_to_come = around.rest != Purpose::finish || !last_round_over_;
  return around.outer.late == deck::Late::carry && has_round_to_come &&
         contribution.round <= copy.pulled_round && contribution.base < version_;
}

void OwnedFragment::drop_carried(int site, Actions& actions) {
  auto const carried = std::exchange(copy_of(site).carried, std::nullopt);
  if (!carried) return;
  actions.emplace_back(DiscardPayload{carried->payload});
  tell(site, {carried->contribution.round, Outcome::dropped, Reason::none}, actions);
}

void OwnedFragment::note(int site, Fate const& fate) {
  Copy& copy = copy_of(site);
  if (fate.round >= copy.fate.round) copy.fate = fate;
  copy.fates.push_back(fate);
}

void OwnedFragment::tell(int site, Fate const& fate, Actions& actions) {
  note(site, fate);
  actions.emplace_back(SendToSite{site, FateNotice{.fragment = index_, .fate = fate}});
}

void OwnedFragment::send_release(int site, Surroundings const& around, Actions& actions,
                                 std::optional<Version> since) {
  Copy& copy = copy_of(site);
  if (copy.sent < version_ || !copy.sent_whole) {
    copy.sent_s = around.now_s;
    copy.patience_s = 0.0;
  }
  copy.sent = version_;
  copy.resent_s = around.now_s;
  if (!since) copy.sent_whole = version_;
  actions.emplace_back(SendRelease{
      site,
      {.fragment = index_, .round = made_by_round_, .version = version_, .fate = copy.fate, .since = since}});
}

// Whether the difference since `before` is enough for a site. One that lags far behind gets the whole, which
// takes the place of all that still waits for it.
bool OwnedFragment::can_follow(Copy const& copy, Version const& before, Surroundings const& around) const {
  constexpr std::uint64_t most_differences = 8;  // of 4 bits each; together as much as the whole
  return deck::is_of_differences(around.outer.release_codec) && copy.sent_whole && copy.sent == before &&
         copy.base && copy.base->commits + most_differences >= version_.commits;
}

// ---- to the outside ----

std::optional<double> OwnedFragment::next_timer_s(Surroundings const& around) const {
  if (!published_) return std::nullopt;  // nothing happens before the backup's word
  if (round_) return round_->is_last ? last_round_ends_s(around) : round_->close_at_s;
  if (around.rest == Purpose::finish && !last_round_over_)
    return around.last_advance_s + around.outer.dead_after_s;
  return std::nullopt;
}

std::string OwnedFragment::waiting_for(Surroundings const& around) const {
  if (!round_ || has_quorum(around)) return {};
  bool const too_few_live = around.sites.live_count() < around.outer.quorum;
  if (!too_few_live && around.now_s < round_->opened_s + around.outer.dead_after_s) return {};
  std::string names;
  for (int site = 0; site < around.sites.size(); ++site) {
    if (round_->members.contains(site) && !round_->unusual.contains(site)) continue;
    names += fmt::format("{}site {} ({})", names.empty() ? "" : ", ", site, describe(site, around));
  }
  return fmt::format("fragment {} waits for {} of {} sites: {}", index_,
                     around.outer.quorum - counted_members(around), around.outer.quorum, names);
}

std::string OwnedFragment::describe(int site, Surroundings const& around) const {
  SiteStatus const& status = around.sites[site];
  Copy const& copy = copy_of(site);
  if (!status.live) return around.sites.describe(site, around.now_s);
  if (round_->unusual.contains(site)) return "its contribution is of an unusual norm";
  if (round_->answered.contains(site)) return fmt::format("rejected: {}", name(copy.fate.reason));
  if (around.synchronous && copy.done_round < round_->number && !round_->is_last)
    return fmt::format("at step {} of {}", status.step, round_->number);
  if (copy.pending) return "its contribution is under way";
  if (round_->pulled.contains(site))
    return fmt::format("asked {:.0f} s ago", around.now_s - round_->opened_s);
  return "nothing trained yet";
}

}  // namespace atl::protocol
