#include "protocol/owned_fragment.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "base/error.hpp"
#include "protocol/fragment_clock.hpp"

namespace atl::protocol {

OwnedFragment::OwnedFragment(std::uint32_t index, deck::OuterSection const& outer, int sites)
    : index_(index),
      next_due_(first_due(index, outer.fragments, outer.interval_steps)),
      copies_(static_cast<std::size_t>(sites)) {}

// ---- what sites say and send ----

bool OwnedFragment::admit(int site, Actions& actions) {
  bool thrown_out = false;
  if (round_) {
    round_->pulled.erase(site);
    round_->answered.erase(site);
    if (auto const member = round_->members.extract(site)) {
      actions.emplace_back(DiscardPayload{member.mapped().payload});
      thrown_out = true;
    }
  }
  copy_of(site) = {};
  send_release(site, actions);
  return thrown_out;
}

bool OwnedFragment::hear(int site, Progress::Fragment const& said, Surroundings const& around,
                         GraceWindow& grace) {
  Copy& copy = copy_of(site);
  bool const moved = copy.base != said.base;
  copy.base = said.base;
  copy.unsent = said.unsent;
  copy.pending = said.pending;
  copy.done_round = said.round;
  if (copy.awaited && said.base >= copy.awaited->version) {
    // A site that was silent in between says nothing of the link.
    bool const was_live = around.sites[site].live_since_s <= copy.awaited->since_s;
    if (was_live) grace.saw_adoption(around.now_s - copy.awaited->since_s);
    copy.awaited.reset();
  }
  return moved;
}

void OwnedFragment::catch_up(int site, Actions& actions) {
  Copy const& copy = copy_of(site);
  if (copy.sent < version_ && copy.base < version_) send_release(site, actions);
}

Reason OwnedFragment::receive(int site, Contribution const& contribution, PayloadFacts const& facts,
                              Surroundings const& around, Actions& actions) {
  Copy& copy = copy_of(site);
  // Without a word to the site: what it hears of this round must be the fate of the first copy.
  if (contribution.round <= copy.received_round) {
    actions.emplace_back(DiscardPayload{facts.payload});
    return Reason::duplicate;
  }
  copy.received_round = contribution.round;

  if (!round_ || round_->number != contribution.round || !round_->pulled.contains(site)) {
    actions.emplace_back(DiscardPayload{facts.payload});
    tell(site, {contribution.round, Outcome::dropped, Reason::unknown_round}, actions);
    return Reason::unknown_round;
  }
  round_->answered.insert(site);
  Reason const reason = around.gate.inspect(contribution, facts.finite, version_);
  if (reason != Reason::none) {
    actions.emplace_back(DiscardPayload{facts.payload});
    tell(site, {contribution.round, Outcome::rejected, reason}, actions);
    return reason;
  }
  // Token weight, quantity times quality (Decoupled DiLoCo, §3.2).
  auto const tokens = static_cast<double>(contribution.work.tokens);
  round_->members[site] = {
      .site = site,
      .payload = facts.payload,
      .weight = tokens * tokens / static_cast<double>(contribution.work.steps),
      .contribution = contribution,
      .staleness = version_.commits - std::min(contribution.base.commits, version_.commits)};
  Fate const receipt{contribution.round, Outcome::received, Reason::none};
  actions.emplace_back(SendToSite{site, FateNotice{.fragment = index_, .fate = receipt}});
  return Reason::none;
}

void OwnedFragment::tell(int site, Fate const& fate, Actions& actions) {
  Copy& copy = copy_of(site);
  if (fate.round >= copy.fate.round) copy.fate = fate;
  actions.emplace_back(SendToSite{site, FateNotice{.fragment = index_, .fate = fate}});
}

void OwnedFragment::send_release(int site, Actions& actions) {
  Copy& copy = copy_of(site);
  copy.sent = version_;
  actions.emplace_back(SendRelease{
      site, {.fragment = index_, .round = made_by_round_, .version = version_, .fate = copy.fate}});
}

// ---- who can be asked, and who can still answer ----

// A site whose work is in a version that it has not adopted yet would send the same work again, so it is left
// alone; and so it has always heard that it was merged before it can be called absent from a later round.
bool OwnedFragment::is_eligible(int site, Surroundings const& around) const {
  SiteStatus const& status = around.sites[site];
  Copy const& copy = copy_of(site);
  return status.live && copy.base && !copy.pending && !copy.unsent.is_none() && *copy.base >= copy.merged &&
         !around.gate.is_too_old(*copy.base, version_);
}

// Of the open round. A site that stands still has nothing to send but what it has trained already.
bool OwnedFragment::may_answer(int site, Surroundings const& around) const {
  SiteStatus const& status = around.sites[site];
  if (!status.live || round_->answered.contains(site)) return false;
  Copy const& copy = copy_of(site);
  return !status.holding || copy.pending || !copy.unsent.is_none();
}

// Those that were pulled; and where all stand still and the round is short of members, those that may yet be
// pulled.
bool OwnedFragment::is_anyone_awaited(Surroundings const& around) const {
  bool const may_pull = round_->is_last || !has_quorum(around);
  for (int site = 0; site < around.sites.size(); ++site) {
    bool const asked = round_->pulled.contains(site) || (may_pull && around.sites[site].holding);
    if (asked && may_answer(site, around)) return true;
  }
  return false;
}

bool OwnedFragment::is_settled(Copy const& copy) const {
  return copy.base == version_ && !copy.pending && copy.done_round >= copy.pulled_round;
}

bool OwnedFragment::are_all_settled(Membership const& sites) const {
  for (int site = 0; site < sites.size(); ++site) {
    if (sites[site].live && !is_settled(copy_of(site))) return false;
  }
  return true;
}

bool OwnedFragment::is_quiet(Membership const& sites, std::optional<Purpose> rest) const {
  return !round_ && (rest != Purpose::finish || last_round_over_) && are_all_settled(sites);
}

// ---- to the outside ----

std::optional<double> OwnedFragment::next_timer_s(Surroundings const& around) const {
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
    if (round_->members.contains(site)) continue;
    names += fmt::format("{}site {} ({})", names.empty() ? "" : ", ", site, describe(site, around));
  }
  return fmt::format("fragment {} waits for {} of {} sites: {}", index_,
                     around.outer.quorum - std::ssize(round_->members), around.outer.quorum, names);
}

std::string OwnedFragment::describe(int site, Surroundings const& around) const {
  SiteStatus const& status = around.sites[site];
  Copy const& copy = copy_of(site);
  if (!status.live) return around.sites.describe(site, around.now_s);
  if (round_->answered.contains(site)) return fmt::format("rejected: {}", name(copy.fate.reason));
  if (copy.pending) return "its contribution is under way";
  if (round_->pulled.contains(site))
    return fmt::format("asked {:.0f} s ago", around.now_s - round_->opened_s);
  return "nothing trained yet";
}

void OwnedFragment::save(base::Writer& writer) const {
  writer.write("version", std::array{version_.term, version_.commits});
  writer.write("version_round", made_by_round_);
  writer.write("rounds", rounds_);
  writer.write("next_due", next_due_);
}

void OwnedFragment::load(base::Reader const& reader) {
  auto const version = reader.read_uints("version");
  if (version.size() != 2) {
    throw base::InputError("checkpoint", "'version' should be two numbers",
                           "the file is damaged; resume from another checkpoint");
  }
  version_ = {.term = version[0], .commits = version[1]};
  made_by_round_ = reader.read_uint("version_round");
  rounds_ = reader.read_uint("rounds");
  next_due_ = reader.read_uint("next_due");
}

}  // namespace atl::protocol
