"""Bugs for check.py to plant.

Of each: what is wrong; the invariant that must be broken first; the edits (file, what stands there once, what takes its
place); and keys of the storm's deck where it needs weather of its own.
"""

from typing import NamedTuple


class Bug(NamedTuple):
    name: str
    invariant: str
    edits: list
    weather: tuple = ()


ROUND = "src/protocol/owned_fragment_round.cpp"
FRAGMENT = "src/protocol/owned_fragment.cpp"
STANDING = "src/protocol/owned_fragment_standing.cpp"
SITE = "src/protocol/site_machine.cpp"
COPY = "src/protocol/site_fragment.cpp"
OWNERS = "src/protocol/site_machine_owners.cpp"
SEATS = "src/protocol/seats.cpp"
TAPE = "src/protocol/tape.cpp"

BACKUPS = ("storm.replicated=1.0", "storm.shards=[2,4]")
RESTARTS = ("storm.replicated=0.0", "storm.snapshots=1.0", "storm.restart_every=1")
TURMOIL = ("storm.replicated=1.0", "storm.shards=[2,3]", "faults.partition=20", "faults.delay=10", "faults.stall=20", "faults.lasts_steps=[10,30]")

BUGS = [
    # ---- a site ----
    Bug("a site adopts after it has answered", "2 commits are sound", [
        (SITE, """\
  adopt_newest(events, actions);
  settle(actions);
""", """\
  if (!options_.rounds) answer_pulls(actions);
  adopt_newest(events, actions);
  settle(actions);
"""),
    ]),
    Bug("a site that has not healed trains and is merged", "6 nobody waits", [
        (SITE, "return !heals_ && std::ranges::all_of", "return std::ranges::all_of"),
        (STANDING, "return status.live && status.admitted && copy.base", "return status.live && copy.base"),
    ]),
    Bug("a site that begins blends its first versions", "6 nobody waits", [
        (COPY, "if (adopted_ && has_trained && receive", "if (adopted_ && receive"),
    ]),
    Bug("a joiner trains on what its donor gave it, not on a version", "6 nobody waits", [
        (SITE, "return !heals_ && std::ranges::all_of(fragments_, &SiteFragment::is_adopted);", """\
  if (options_.heals) return !heals_;
  return std::ranges::all_of(fragments_, &SiteFragment::is_adopted);
"""),
    ]),
    Bug("a carried contribution is sent again", "1 the ledger balances", [
        (COPY, "(is_merged || is_carried) && sent_->in_theta", "is_merged && sent_->in_theta"),
        (FRAGMENT, "    copy.needed = std::max(copy.needed, {contribution.base.term, contribution.base.commits + 1});\n", ""),
    ]),
    Bug("a contribution says the base of another fragment", "2 contributions are sound", [
        (SITE, """\
  return {fragment.contribute({.round = round, .incarnation = options_.incarnation, .step = step_}),
          owner_of(fragment.index()).shard};
""", """\
  auto contribution = fragment.contribute({.round = round, .incarnation = options_.incarnation, .step = step_});
  contribution.base = fragments_.front().base();
  return {contribution, owner_of(fragment.index()).shard};
"""),
    ]),
    Bug("rebase on the snapshot of what was not merged", "1 the ledger balances", [
        (COPY, "bool const merged = sent_ && sent_->outcome == Outcome::merged;", "bool const merged = sent_.has_value();"),
    ]),
    Bug("the residual advances on a drop", "1 what coding leaves over is kept", [
        (COPY, "std::optional(is_merged || is_carried)", "std::optional(true)"),
    ]),
    Bug("a site decides by its step time, of which its tape knows nothing", "8 a replay is the run", [
        (SITE, "if (on_their_way++ >= options_.in_flight) return;", "if (on_their_way++ >= (step_s_.value_or(0.0) > 1.0 ? 1 : options_.in_flight)) return;"),
    ]),
    Bug("a tape leaves out cancels", "8 a replay is the run", [
        (TAPE, "  for (auto& event : taped) {\n", """\
  std::erase_if(taped, [](SiteEvent const& event) { return std::holds_alternative<Cancel>(event); });
  for (auto& event : taped) {
"""),
    ]),
    # ---- a round ----
    Bug("a fate is skipped", "4 commits go on", [
        (ROUND, "      note(site, {round.number, Outcome::merged, Reason::none});\n", ""),
    ]),
    Bug("the quorum is K - 1", "2 commits are sound", [
        (ROUND, "return counted_members(around) >= around.outer.quorum;", "return counted_members(around) >= around.outer.quorum - 1;"),
    ]),
    Bug("a carried contribution counts toward K", "2 commits are sound", [
        (ROUND, "return counted_members(around) >= around.outer.quorum;", """\
  auto const carried = std::ranges::count_if(copies_, [](Copy const& copy) { return copy.carried.has_value(); });
  return counted_members(around) + carried >= around.outer.quorum;
"""),
    ]),
    Bug("a carried contribution is counted twice", "2 contributions are sound", [
        (ROUND, "  copy_of(site).carried.reset();\n", ""),
    ]),
    Bug("members are merged as they came", "2 commits are sound", [
        (ROUND, "  absent_ = commit.absent;\n", """\
  absent_ = commit.absent;
  std::ranges::sort(commit.members, {}, &Member::payload);
"""),
    ]),
    Bug("a contribution that comes twice is taken twice", "2 contributions are sound", [
        (FRAGMENT, "if (contribution.round <= copy.received_round) {", "if (false) {"),
    ]),
    Bug("weights go by steps instead of tokens", "2 contributions are sound", [
        (FRAGMENT, "static_cast<double>(contribution.work.tokens);", "static_cast<double>(contribution.work.steps);"),
    ]),
    Bug("max_staleness is off by one", "2 commits are sound", [
        ("src/protocol/gate.cpp", "if (is_too_old(contribution.base, version))", "if (is_too_old({contribution.base.term, contribution.base.commits + 1}, version))"),
        (STANDING, "return is_unknown || around.gate.is_too_old(base, version_);", "return is_unknown || around.gate.is_too_old({base.term, base.commits + 1}, version_);"),
        (ROUND, "!around.gate.is_too_old(member.contribution.base, before)", "before.commits <= member.contribution.base.commits + around.outer.max_staleness + 1"),
    ]),
    Bug("a payload that is not finite passes the gate", "9 a version is one Theta", [
        ("src/protocol/gate.cpp", "if (!finite) return Reason::not_finite;", ""),
    ]),
    Bug("a site is asked again while its work is merged and not adopted", "2 contributions are sound", [
        (STANDING, "*copy.base >= copy.needed && ", ""),
    ]),
    # ---- life and death ----
    Bug("a site that departs does not wait for the fates of what it gave", "1 the ledger balances", [
        (SITE, "(fragment.ledger().unsent.is_none() && fragment.ledger().pending.is_none())", "fragment.ledger().unsent.is_none()"),
    ]),
    Bug("an incarnation is not fenced", "3 what is over has no effect", [
        ("src/protocol/membership.cpp", "if (!status.here || status.incarnation != incarnation) return false;", "if (!status.here) return false;"),
    ]),
    Bug("the clock falls", "4 the clock never falls", [
        ("src/protocol/fragment_clock.cpp", "now_ = std::max(now_, kth_ + offset_);", "now_ = kth_;"),
    ]),
    Bug("a site heard again gets nothing that it missed", "4 commits go on", [
        (FRAGMENT, "if (has_missed || must_be_whole) send_release", "if (must_be_whole) send_release"),
    ], ("faults.partition=10", "faults.stall=10")),
    Bug("a contribution that a snapshot holds is fenced after the restart", "1 the ledger balances (7: after a restart)", [
        (FRAGMENT, "int const thrown_out = throw_out(site, incarnation, actions);", "int const thrown_out = throw_out(site, std::nullopt, actions);"),
    ], RESTARTS),
    # ---- owners and backups ----
    Bug("a version is released before the backup has it", "9 a version is one Theta", [
        (ROUND, "if (!published_ && !backup_) publish(around, actions);", "if (!published_) publish(around, actions);"),
    ], BACKUPS),
    Bug("an old term is obeyed", "9 a version is one Theta", [
        (OWNERS, "if (options_.rounds || term >= owner_of(fragment).promised) return true;", "return true;"),
        (OWNERS, "return release.version.term == owner_of(release.fragment).term;", "return true;"),
        (FRAGMENT, "if (!around.synchronous && term_of(contribution.round) < version_.term) {", "if (false) {"),
        ("src/protocol/syncer_machine_seats.cpp", """std::ssize(replica.sites) == options_.sites && !owns(replica.fragment) &&
                          replica.version.term >= seats_.term(seat_of(replica.fragment));""", "std::ssize(replica.sites) == options_.sites;"),
    ], TURMOIL),
    Bug("silence alone moves a seat", "1 the ledger balances", [
        (SEATS, "    } else if (!state.election || now_s", """\
    } else if (has_silent_partner && !state.election) {
      claim(seat, std::max(state.term, state.newest_term) + 1);
      take(seat, changes);
    } else if (!state.election || now_s"""),
    ], BACKUPS),
    Bug("a new owner says nothing of earlier fates", "1 the ledger balances", [
        ("src/protocol/syncer_machine_seats.cpp", "actions.emplace_back(SendToSite{site, FateNotice{.fragment = p, .fate = fate}});", ";"),
    ], BACKUPS),
]
