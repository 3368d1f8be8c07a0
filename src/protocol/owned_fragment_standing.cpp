// How sites stand to a fragment: who can be asked, who can still answer, and whose part is settled.
#include "protocol/owned_fragment.hpp"

namespace atl::protocol {

// A site whose work is in a version that it has not adopted yet, or is carried, would send the same work
// again, so it is left alone; and so it has always heard that it was merged before it can be called absent
// from a later round.
bool OwnedFragment::is_eligible(int site, Surroundings const& around) const {
  SiteStatus const& status = around.sites[site];
  Copy const& copy = copy_of(site);
  return status.live && status.admitted && copy.base && !copy.pending && !copy.unsent.is_none() &&
         *copy.base >= copy.needed && !is_too_old(*copy.base, around);
}

// What is measured from the newest version needs its own base here as well.
bool OwnedFragment::is_too_old(Version const& base, Surroundings const& around) const {
  bool const is_unknown = around.outer.anchor == deck::Anchor::current && base.commits < oldest_known_;
  return is_unknown || around.gate.is_too_old(base, version_);
}

bool OwnedFragment::has_answered(int site) const { return round_ && round_->answered.contains(site); }

// A site that stands still has nothing to send but what it has trained already.
bool OwnedFragment::may_answer(int site, Surroundings const& around) const {
  SiteStatus const& status = around.sites[site];
  if (!status.live || has_answered(site)) return false;
  Copy const& copy = copy_of(site);
  return !status.holding || copy.pending || !copy.unsent.is_none();
}

// Those that were pulled; and where all stand still and the round is short of members, those that may yet be
// pulled.
bool OwnedFragment::is_anyone_awaited(Surroundings const& around) const {
  bool const may_pull = round_->is_last || !has_quorum(around);
  return standings_.count(Standing::awaited) > 0 || (may_pull && standings_.count(Standing::waiting) > 0);
}

Standings::Set OwnedFragment::standing_of(int site, Surroundings const& around) const {
  SiteStatus const& status = around.sites[site];
  bool const is_pulled = round_ && round_->pulled.contains(site);
  bool const is_askable = !is_pulled && is_eligible(site, around);
  Standings::Set set;
  set.put(Standing::askable, is_askable);
  set.put(Standing::parting, is_askable && status.leaving);
  set.put(Standing::awaited, is_pulled && may_answer(site, around));
  set.put(Standing::waiting, !is_pulled && status.holding && may_answer(site, around));
  set.put(Standing::unsettled, status.live && !is_settled(copy_of(site)));
  set.put(Standing::to_come, status.live && status.admitted && !has_answered(site));
  return set;
}

void OwnedFragment::refresh(Surroundings const& around) {
  standings_.refresh([&](int site) { return standing_of(site, around); });
}

bool OwnedFragment::has_true_standings(Surroundings const& around) const {
  Standings anew(copies_.size());
  anew.refresh([&](int site) { return standing_of(site, around); });
  return anew == standings_;
}

bool OwnedFragment::is_settled(Copy const& copy) const {
  return copy.base == version_ && !copy.pending && copy.done_round >= copy.pulled_round;
}

// In a synchronous method: what live sites say they have contributed is in the open round or in a version.
bool OwnedFragment::has_all_that_was_sent(Membership const& sites) const {
  for (int site = 0; site < sites.size(); ++site) {
    Copy const& copy = copy_of(site);
    bool const is_member = round_ && round_->number == copy.done_round && round_->members.contains(site);
    bool const has_arrived = !copy.pending || is_member || made_by_round_ >= copy.done_round;
    if (sites[site].live && !(copy.base && has_arrived)) return false;
  }
  return true;
}

bool OwnedFragment::is_quiet(Surroundings const& around) const {
  if (around.rest == Purpose::finish) return !round_ && last_round_over_ && are_all_settled();
  if (around.synchronous) return has_all_that_was_sent(around.sites);
  return !round_ && are_all_settled();
}

}  // namespace atl::protocol
