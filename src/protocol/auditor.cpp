#include "protocol/auditor.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cmath>

namespace atl::protocol {

namespace {

std::uint64_t distance(std::uint64_t a, std::uint64_t b) { return a > b ? a - b : b - a; }
std::uint64_t distance(Work const& a, Work const& b) {
  return distance(a.steps, b.steps) + distance(a.tokens, b.tokens);
}

// How far `value` is outside [low, low + room].
std::uint64_t excess(std::uint64_t value, std::uint64_t low, std::uint64_t room) {
  if (value < low) return low - value;
  return value - low > room ? value - low - room : 0;
}

Work sum_of_parts(LedgerRow const& row) {
  Work sum;
  for (Work const& part : {row.merged, row.pending, row.unsent, row.overwritten, row.dropped, row.rejected})
    sum += part;
  return sum;
}

template <class... Arguments>
void find(Audit& audit, fmt::format_string<Arguments...> format, Arguments&&... arguments) {
  audit.findings.push_back(fmt::format(format, std::forward<Arguments>(arguments)...));
}

std::string describe(TapedContribution const& from) {
  return fmt::format("the contribution of site {} to round {} of fragment {}", from.site,
                     from.contribution.round, from.contribution.fragment);
}

}  // namespace

std::uint64_t Audit::imbalance() const {
  std::uint64_t sum = 0;
  for (auto const& row : rows) sum += row.imbalance;
  return sum;
}

Auditor::Name Auditor::name_of(TapedContribution const& from) {
  return {from.site, from.contribution.incarnation, from.contribution.fragment, from.contribution.round};
}

Audit Auditor::audit(std::vector<SiteStory> const& sites, std::vector<TapedLife> const& shards) {
  Books books{.sites = sites,
              .result = {},
              .contributed = {},
              .merged = {},
              .discarded = {},
              .committed = {},
              .made = {}};
  begin(books, shards);
  for (auto const& shard : shards) take_shard(books, shard);
  for (auto const& site : sites) check_heard(books, site);
  draw_up_rows(books);
  for (auto const& version : books.result.versions)
    thetas_[{version.fragment, version.version}].insert(version.theta);
  return std::move(books.result);
}

// What sites have contributed: in this life, and what the shards were left with by the one before.
void Auditor::begin(Books& books, std::vector<TapedLife> const& shards) const {
  for (auto const& shard : shards) {
    for (auto const& from : shard.start.held) {
      books.contributed[name_of(from)] = from.contribution;
      books.held[{from.site, from.contribution.fragment}] += from.contribution.work;
    }
    // Of these the site may know already that they came too late.
    for (auto const& from : shard.start.in_flight) books.contributed[name_of(from)] = from.contribution;
  }
  for (std::uint32_t site = 0; site < books.sites.size(); ++site) {
    auto const& story = books.sites[site];
    if (!story.contradiction.empty()) find(books.result, "site {}: {}", site, story.contradiction);
    for (auto const& boundary : story.boundaries) {
      for (auto const& made : boundary.contributed) books.contributed[name_of({site, made})] = made;
    }
  }
}

// A version that an earlier life made, or the first. What the site knows to be merged, or has pending, is
// then in the version or with the shard.
void Auditor::begin_with(Books& books, TapedVersion const& version) {
  VersionName const name{version.fragment, version.version};
  books.made[name] = {0, version.theta};
  auto const what = protocol::describe(TapeEntry(version));
  auto& before = thetas_[name];
  if (!before.empty() && !before.contains(version.theta))
    find(books.result, "{} is not what the life before made", what);
  before.insert(version.theta);
  auto const [known, is_new] = held_in_.try_emplace(name);
  for (std::uint32_t site = 0; site < books.sites.size(); ++site) {
    auto const& rows = books.sites[site].rows_before;
    if (version.fragment >= rows.size()) continue;
    Work told = rows[version.fragment].merged;
    told += rows[version.fragment].pending;
    Work const held = books.held[{site, version.fragment}];
    auto& in_version = known->second[site];
    if (is_new && !told.is_none()) {  // made before there was a tape
      in_version = told;
      in_version -= held;
    }
    // What was refused or dropped, and the site had not heard of, is pending there and nowhere else.
    Work const merged = rows[version.fragment].merged;
    bool const fits = merged.tokens <= in_version.tokens && in_version.tokens + held.tokens <= told.tokens &&
                      merged.steps <= in_version.steps && in_version.steps + held.steps <= told.steps;
    if (!fits) find(books.result, "{}: what it holds of site {} is not what that has told", what, site);
  }
  books.committed[version.fragment] = known->second;
}

void Auditor::take_shard(Books& books, TapedLife const& shard) {
  std::map<std::uint32_t, Version> newest;
  for (auto const& entry : shard.entries) {
    if (auto const* version = std::get_if<TapedVersion>(&entry)) {
      newest[version->fragment] = version->version;
      begin_with(books, *version);
    } else if (auto const* commit = std::get_if<TapedCommit>(&entry)) {
      auto const before = newest.find(commit->made.fragment);
      if (before == newest.end()) {
        find(books.result, "{}: not a fragment of shard {}", protocol::describe(entry), shard.start.index);
        continue;
      }
      check_commit(books, *commit, before->second);
      before->second = commit->made.version;
      books.made[{commit->made.fragment, commit->made.version}] = {commit->round, commit->made.theta};
      held_in_[{commit->made.fragment, commit->made.version}] = books.committed[commit->made.fragment];
      books.result.versions.push_back(commit->made);
    } else if (auto const* discard = std::get_if<TapedDiscard>(&entry)) {
      check_discard(books, *discard);
    }
  }
}

void Auditor::check_commit(Books& books, TapedCommit const& commit, Version const& before) const {
  auto const what = protocol::describe(TapeEntry(commit));
  if (commit.made.version != Version{before.term, before.commits + 1})
    find(books.result, "{}: does not follow version {}", what, before.commits);
  std::set<std::uint32_t> fresh;
  for (auto const& member : commit.members) {
    check_member(books, commit, member, before);
    if (member.rounds_late == 0) fresh.insert(member.from.site);
  }
  auto& absentees = books.absent[{commit.made.fragment, commit.round}];
  for (auto const& absent : commit.absent) {
    absentees.insert(absent.site);
    if (absent.site >= books.sites.size() || fresh.contains(absent.site))
      find(books.result, "{}: site {} cannot be absent", what, absent.site);
  }
}

void Auditor::check_member(Books& books, TapedCommit const& commit, TapedCommit::Member const& member,
                           Version const& before) const {
  auto const& made = member.from.contribution;
  auto const what = fmt::format("{}: {}", protocol::describe(TapeEntry(commit)), describe(member.from));
  auto const found = books.contributed.find(name_of(member.from));
  if (found == books.contributed.end()) return find(books.result, "{} was never made", what);
  if (found->second != made) find(books.result, "{} was made otherwise", what);
  if (!books.merged.insert(name_of(member.from)).second) find(books.result, "{} is in two commits", what);
  books.committed[commit.made.fragment][member.from.site] += made.work;

  auto const tokens = static_cast<double>(made.work.tokens);
  double weight = tokens * tokens / static_cast<double>(made.work.steps);
  if (member.rounds_late > 0) weight *= std::pow(late_discount_, static_cast<double>(member.rounds_late));
  bool const is_right = made.fragment == commit.made.fragment && weight == member.weight &&
                        made.base.commits + member.staleness == before.commits &&
                        made.round + member.rounds_late == commit.round;
  if (!is_right) find(books.result, "{} has a weight or an age that does not follow", what);
}

void Auditor::check_discard(Books& books, TapedDiscard const& discard) {
  auto const name = name_of(discard.from);
  if (discard.reason == Reason::duplicate) return;  // of one that has its own word
  auto const found = books.contributed.find(name);
  if (found == books.contributed.end() || found->second != discard.from.contribution)
    return find(books.result, "{} was discarded, and never made so", describe(discard.from));
  if (books.merged.contains(name) || !books.discarded.emplace(name, discard.reason).second)
    find(books.result, "{} was discarded and counted as well", describe(discard.from));
}

// What a site was told must be what a shard did; what it adopted, what the shard released.
void Auditor::check_heard(Books& books, SiteStory const& site) {
  auto const number = site.life.start.index;
  for (auto const& entry : site.life.entries) {
    if (auto const* base = std::get_if<TapedBase>(&entry)) {
      auto const made = books.made.find({base->fragment, base->version});
      if (made == books.made.end() || made->second.theta != base->base)
        find(books.result, "site {}: {} is not what its shard released", number, protocol::describe(entry));
    }
    auto const* boundary = std::get_if<TapedBoundary>(&entry);
    if (boundary == nullptr) continue;
    auto const hear = [&](std::uint32_t fragment, Fate const& fate) {
      check_fate(books, number, site.life.start.incarnation, fragment, fate);
    };
    for (auto const& event : boundary->events) {
      if (auto const* held = std::get_if<HeldRelease>(&event)) {
        auto const& release = held->release;
        auto const made = books.made.find({release.fragment, release.version});
        bool const is_known =
            made != books.made.end() && (made->second.round == 0 || made->second.round == release.round);
        if (!is_known)
          find(books.result, "site {}: heard of version {} of fragment {}, which was not made so", number,
               release.version.commits, release.fragment);
        hear(release.fragment, release.fate);
      } else if (auto const* notice = std::get_if<FateNotice>(&event)) {
        hear(notice->fragment, notice->fate);
      } else if (auto const* pull = std::get_if<Pull>(&event)) {
        hear(pull->fragment, pull->fate);
      } else if (auto const* off = std::get_if<Cancel>(&event)) {
        auto const closed = books.absent.find({off->fragment, off->round});
        if (closed != books.absent.end() && !closed->second.contains(number))
          find(books.result, "site {}: round {} of fragment {} was over, and its shard did not miss it",
               number, off->round, off->fragment);
      }
    }
  }
}

void Auditor::check_fate(Books& books, std::uint32_t site, std::uint64_t incarnation, std::uint32_t fragment,
                         Fate const& fate) {
  Name const name{site, incarnation, fragment, fate.round};
  if (!books.contributed.contains(name)) return;  // of a life before this one
  bool const was_refused = fate.reason != Reason::none;
  auto const discarded = books.discarded.find(name);
  bool fits = true;
  if (fate.outcome == Outcome::merged) {
    fits = books.merged.contains(name);
  } else if (was_refused) {
    fits = discarded != books.discarded.end() &&
           (discarded->second == fate.reason || discarded->second == Reason::none);
  }
  if (!fits)
    find(books.result,
         "site {}: was told that its contribution to round {} of fragment {} was {}, and no shard says so",
         site, fate.round, fragment, protocol::name(fate.outcome));
}

void Auditor::draw_up_rows(Books& books) {
  for (std::uint32_t site = 0; site < books.sites.size(); ++site) {
    auto const& story = books.sites[site];
    for (std::uint32_t p = 0; p < story.rows_before.size(); ++p) {
      auto const key = std::pair(site, p);
      auto const& before = story.rows_before[p];
      AuditRow row{.site = site,
                   .fragment = p,
                   .row = story.machine.ledger(static_cast<int>(p)),
                   .committed = books.committed[p][site],
                   .lost = {}};
      // A site that was torn off may not have heard of its last merges: they are pending there.
      Work const unheard = story.has_left ? Work{} : row.row.pending;
      row.imbalance = distance(row.row.processed, sum_of_parts(row.row)) +
                      excess(row.committed.steps, row.row.merged.steps, unheard.steps) +
                      excess(row.committed.tokens, row.row.merged.tokens, unheard.tokens);
      auto& ever = processed_[key];
      if (ever.steps > before.processed.steps) {
        ever -= before.processed;
        lost_[key] += ever;
      }
      ever = row.row.processed;
      row.lost = lost_[key];
      books.result.rows.push_back(row);
    }
  }
}

}  // namespace atl::protocol
