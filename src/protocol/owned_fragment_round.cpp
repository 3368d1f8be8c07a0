// How a round is opened, filled and closed.
#include <algorithm>
#include <cmath>
#include <utility>

#include "protocol/fragment_clock.hpp"
#include "protocol/owned_fragment.hpp"

namespace atl::protocol {

int OwnedFragment::advance(Surroundings const& around, GraceWindow& grace, Actions& actions) {
  refresh(around);
  keep_replicated(around, actions);
  if (!published_) return 0;
  if (round_) advance_round(around, grace, actions);
  if (!round_) open_due(around, actions);
  return std::exchange(refused_, 0);
}

// A fragment is due at once where a site leaves that has trained it.
void OwnedFragment::open_due(Surroundings const& around, Actions& actions) {
  bool const is_due = around.clock >= next_due_ || standings_.count(Standing::parting) > 0;
  if (around.rest == Purpose::finish) {
    open_last_round(around, actions);
    if (!last_round_over_) return;
    for (int site = 0; site < around.sites.size(); ++site) drop_carried(site, actions);
  } else if (!around.rest && !around.synchronous && is_due) {
    open(false, around, actions);
  }
}

void OwnedFragment::open(bool is_last, Surroundings const& around, Actions& actions) {
  round_ = Round{};
  round_->number = rounds_ + 1;
  round_->opened_s = around.now_s;
  round_->is_last = is_last;
  pull_eligible(around, actions);
  if (round_->pulled.empty()) {
    round_.reset();  // nobody has anything to send: not a round yet
  } else {
    ++rounds_;
  }
}

// A synchronous round begins with the first contribution to it, and every site is in it.
void OwnedFragment::join_unasked(int site, std::uint64_t round, Surroundings const& around) {
  if (!round_ && round > rounds_) {
    round_ = Round{};
    round_->number = rounds_ = round;
    round_->opened_s = around.now_s;
  }
  if (round_ && !round_->is_last && round_->number == round) round_->pulled.insert(site);
}

// Once everyone stands still on the newest version, so that nothing trained before is overtaken by the round;
// or once nothing has moved for long.
void OwnedFragment::open_last_round(Surroundings const& around, Actions& actions) {
  if (last_round_over_) return;
  bool const at_rest = around.sites.do_all_live_hold() && are_all_settled();
  if (!at_rest && around.now_s < around.last_advance_s + around.outer.dead_after_s) return;
  open(true, around, actions);
  last_round_over_ = !round_;
}

void OwnedFragment::pull_eligible(Surroundings const& around, Actions& actions) {
  if (standings_.count(Standing::askable) == 0) return;
  for (int site = 0; site < around.sites.size(); ++site) {
    if (!standings_.has(site, Standing::askable)) continue;
    if (round_->is_last && !around.sites[site].holding) continue;
    round_->pulled.insert(site);
    touch(site);
    Copy& copy = copy_of(site);
    copy.pulled_round = round_->number;
    actions.emplace_back(
        SendToSite{site, Pull{.fragment = index_, .round = round_->number, .fate = copy.fate}});
  }
  refresh(around);
}

// Of the sites that are live or were asked. Most of the members would not do: a round of one could refuse
// nobody.
bool OwnedFragment::are_most(std::ptrdiff_t sites, Surroundings const& around) const {
  return 2 * sites > std::max<std::ptrdiff_t>(around.sites.live_count(), std::ssize(round_->pulled));
}

// Members of an unusual norm do not count, unless most sites send such: then it is the norm that has changed.
std::ptrdiff_t OwnedFragment::counted_members(Surroundings const& around) const {
  auto const unusual = std::ssize(round_->unusual);
  return std::ssize(round_->members) - (are_most(unusual, around) ? 0 : unusual);
}

bool OwnedFragment::has_quorum(Surroundings const& around) const {
  return counted_members(around) >= around.outer.quorum;
}

void OwnedFragment::refuse_unusual(Surroundings const& around, Actions& actions) {
  if (counted_members(around) == std::ssize(round_->members)) return;
  for (int const site : round_->unusual) {
    auto const member = round_->members.extract(site);
    actions.emplace_back(DiscardPayload{member.mapped().payload});
    tell(site, {round_->number, Outcome::rejected, Reason::unusual_norm}, actions);
    ++refused_;
  }
}

void OwnedFragment::watch_quorum(Surroundings const& around, GraceWindow& grace) {
  if (!has_quorum(around)) {
    round_->close_at_s.reset();
    return;
  }
  if (round_->close_at_s) return;
  grace.saw_quorum(around.now_s - round_->opened_s);
  double slowest_step_s = 0.0;
  for (int const site : round_->pulled) {
    if (around.sites[site].live) slowest_step_s = std::max(slowest_step_s, around.sites[site].step_s);
  }
  round_->close_at_s = around.now_s + grace.length_s(slowest_step_s);
}

double OwnedFragment::last_round_ends_s(Surroundings const& around) const {
  return std::max(round_->opened_s, around.last_advance_s) + around.outer.dead_after_s;
}

void OwnedFragment::advance_round(Surroundings const& around, GraceWindow& grace, Actions& actions) {
  bool const asks = round_->is_last || (!around.synchronous && !has_quorum(around));
  if (asks) pull_eligible(around, actions);
  watch_quorum(around, grace);
  bool const awaited = is_anyone_awaited(around);

  if (round_->is_last) {
    if (awaited && around.now_s < last_round_ends_s(around)) return;
    last_round_over_ = true;
    if (has_quorum(around)) {
      close(around, actions);
    } else {
      cancel(around, actions);
    }
  } else if (has_quorum(around)) {
    if (!awaited || around.now_s >= *round_->close_at_s) close(around, actions);
  } else if (around.synchronous) {
    // Stays open, at rest too, unless the run ends without those who are missing.
    bool const is_hopeless = around.sites.do_all_live_hold() && has_all_that_was_sent(around.sites);
    if (around.rest == Purpose::finish && is_hopeless) cancel(around, actions);
  } else if (around.rest) {
    bool const is_idle = around.rest != Purpose::finish && round_->members.empty();
    if (is_idle || (!awaited && around.sites.do_all_live_hold())) cancel(around, actions);
  } else if (is_spoiled(around)) {
    next_due_ = next_due(index_, around.outer.fragments, around.outer.interval_steps, around.clock);
    cancel(around, actions);
  }
}

// A site answers a round once. Where one was refused, or is held and can no longer be one of most, and the
// others are too few, only another round can help.
bool OwnedFragment::is_spoiled(Surroundings const& around) const {
  if (std::ssize(round_->answered) == counted_members(around)) return false;
  std::ptrdiff_t const to_come = standings_.count(Standing::to_come);
  auto const members = std::ssize(round_->members), unusual = std::ssize(round_->unusual);
  return members + to_come - (are_most(unusual + to_come, around) ? 0 : unusual) < around.outer.quorum;
}

// Once, and weighted by lambda for every round that it is late.
void OwnedFragment::join_carried(int site, Version const& before, Surroundings const& around, Commit& commit,
                                 Actions& actions) {
  auto const& carried = copy_of(site).carried;
  if (!carried) return;
  Member member = *carried;
  member.staleness = before.commits - member.contribution.base.commits;
  member.rounds_late = commit.round - member.contribution.round;
  member.weight *= std::pow(around.outer.late_discount, static_cast<double>(member.rounds_late));
  bool const counts = member.weight > 0.0 && !around.gate.is_too_old(member.contribution.base, before);
  if (!counts) return drop_carried(site, actions);
  copy_of(site).carried.reset();
  commit.members.push_back(member);
  Fate const fate{member.contribution.round, Outcome::merged, Reason::none};
  note(site, fate);
  untold_.push_back({site, FateNotice{.fragment = index_, .fate = fate}});
}

void OwnedFragment::close(Surroundings const& around, Actions& actions) {
  refuse_unusual(around, actions);
  Round round = *std::exchange(round_, std::nullopt);
  Version const before = version_;
  ++version_.commits;
  made_by_round_ = round.number;
  next_due_ = next_due(index_, around.outer.fragments, around.outer.interval_steps, around.clock);

  Commit commit{.fragment = index_,
                .round = round.number,
                .version = version_,
                .members = {},
                .wait_s = around.now_s - round.opened_s,
                .absent = {}};
  for (int site = 0; site < around.sites.size(); ++site) {
    Copy& copy = copy_of(site);
    join_carried(site, before, around, commit, actions);
    if (auto const member = round.members.extract(site)) {
      commit.members.push_back(member.mapped());
      note(site, {round.number, Outcome::merged, Reason::none});
      copy.needed = version_;
    } else if (round.pulled.contains(site) && !round.answered.contains(site)) {
      commit.absent.push_back(site);
      copy.fate = {round.number, Outcome::absent, Reason::none};
    }
  }
  for (auto const& member : commit.members) usual_.saw_merged(member.norm, member.contribution.work);
  absent_ = commit.absent;
  for (int site = 0; site < around.sites.size(); ++site) {
    if (around.sites[site].live) owed_.insert(site);
  }
  actions.emplace_back(std::move(commit));
  published_ = false;
  backup_.reset();  // of this version
  keep_replicated(around, actions);
  standings_.touch_all();
  refresh(around);
}

// The backup, where there is one, gets every version, and the newest where it has just become the backup.
void OwnedFragment::keep_replicated(Surroundings const& around, Actions& actions) {
  bool const is_new = backup_ != around.backup;
  bool const seems_lost = !is_acknowledged_ && around.now_s >= replica_sent_s_ + replica_patience_s_;
  if (around.backup && (is_new || seems_lost)) {
    actions.emplace_back(SendReplica{*around.backup, replica()});
    replica_sent_s_ = around.now_s;
    replica_patience_s_ = is_new ? around.outer.dead_after_s : 2.0 * replica_patience_s_;
    is_acknowledged_ = false;
  }
  backup_ = around.backup;
  if (!published_ && !backup_) publish(around, actions);
}

void OwnedFragment::publish(Surroundings const& around, Actions& actions) {
  published_ = true;
  if (!around.backup) stand_in_.reset();
  // The release says so too, but later, and a silent site gets none: it must not answer when it wakes.
  for (int const site : std::exchange(absent_, {})) {
    actions.emplace_back(SendToSite{site, Cancel{.fragment = index_, .round = made_by_round_}});
  }
  for (auto const& notice : std::exchange(untold_, {})) actions.emplace_back(notice);
  Version const before{version_.term, version_.commits - 1};
  for (int const site : std::exchange(owed_, {})) {
    Copy& copy = copy_of(site);
    if (!copy.awaited) copy.awaited = {version_, around.now_s};
    send_release(site, around, actions,
                 can_follow(copy, before, around) ? std::optional(before) : std::nullopt);
  }
}

void OwnedFragment::cancel(Surroundings const& around, Actions& actions) {
  refuse_unusual(around, actions);
  Round const round = *std::exchange(round_, std::nullopt);
  for (int const site : round.pulled) {
    if (auto const member = round.members.find(site); member != round.members.end()) {
      actions.emplace_back(DiscardPayload{member->second.payload});
      tell(site, {round.number, Outcome::dropped, Reason::none}, actions);
    } else if (!round.answered.contains(site)) {
      actions.emplace_back(SendToSite{site, Cancel{.fragment = index_, .round = round.number}});
    }
  }
  standings_.touch_all();
  refresh(around);
}

}  // namespace atl::protocol
