#include "protocol/auditor.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace atl::protocol {

namespace {

template <class... Arguments>
void find(Audit& audit, fmt::format_string<Arguments...> format, Arguments&&... arguments) {
  audit.findings.push_back(fmt::format(format, std::forward<Arguments>(arguments)...));
}

std::string describe(TapedContribution const& from) {
  return fmt::format("the contribution of site {} to round {} of fragment {}", from.site,
                     from.contribution.round, from.contribution.fragment);
}

}  // namespace

Auditor::Name Auditor::name_of(TapedContribution const& from) {
  return {from.site, from.contribution.incarnation, from.contribution.fragment, from.contribution.round};
}

bool Auditor::was_made(Books const& books, TapedContribution const& from) {
  auto const [begin, end] = books.contributed.equal_range(name_of(from));
  return std::any_of(begin, end, [&](auto const& made) { return made.second == from.contribution; });
}

Auditor::Book Auditor::book_of(std::uint32_t site, std::uint64_t incarnation) const {
  auto const found = books_.find({site, incarnation});
  return {site, found == books_.end() ? 0 : found->second};
}

void Auditor::open_books(std::vector<SiteStory> const& sites) {
  for (auto const& story : sites) {
    auto const& start = story.life.start;
    auto const before = book_of(start.index, start.incarnation - 1).second;
    bool const goes_on = !start.state.empty() && before != 0;
    books_[{start.index, start.incarnation}] = goes_on ? before : ++last_book_;
  }
}

Audit Auditor::audit(std::vector<SiteStory> const& sites, std::vector<TapedLife> const& shards) {
  open_books(sites);
  Books books{.sites = sites,
              .result = {},
              .contributed = {},
              .in_commits = {},
              .merged = {},
              .discarded = {},
              .given = {},
              .committed = {},
              .held = {},
              .made = {},
              .absent = {}};
  begin(books, shards);
  auto const succession = succession_of(shards);
  books.result.findings.insert(books.result.findings.end(), succession.findings.begin(),
                               succession.findings.end());
  for (auto const& [fragment, tenures] : succession.tenures) {
    for (auto const& tenure : tenures) take_tenure(books, tenure);
  }
  for (auto const& shard : shards) {
    for (auto const& discard : shard.only<TapedDiscard>()) check_discard(books, discard);
  }
  for (auto const& site : sites) check_heard(books, site);
  draw_up_rows(books);
  return std::move(books.result);
}

// What sites have contributed: in this life, and what the shards were left with by the one before.
void Auditor::begin(Books& books, std::vector<TapedLife> const& shards) const {
  for (auto const& shard : shards) {
    for (auto const& from : shard.start.held) {
      books.contributed.emplace(name_of(from), from.contribution);
      books.held[{book_of(from.site, from.contribution.incarnation), from.contribution.fragment}] +=
          from.contribution.work;
    }
    // Of these the site may know already that they came too late.
    for (auto const& from : shard.start.in_flight)
      books.contributed.emplace(name_of(from), from.contribution);
  }
  for (auto const& story : books.sites) {
    auto const site = story.life.start.index;
    books.site_count = std::max(books.site_count, site + 1);
    if (!story.contradiction.empty()) find(books.result, "site {}: {}", site, story.contradiction);
    for (auto const& boundary : story.boundaries) {
      for (auto const& made : boundary.contributed) books.contributed.emplace(name_of({site, made}), made);
      for (auto const& [to, state] : boundary.given)
        books.given.emplace(static_cast<std::uint32_t>(to), state.incarnation, state.step);
    }
  }
}

// A version that an earlier life made, or the first. What the site knows to be merged, or has pending, is
// then in the version or with the shard.
void Auditor::begin_with(Books& books, TapedVersion const& version) {
  auto const p = version.fragment;
  auto const what = protocol::describe(TapeEntry(version));
  auto& known = held_in_[{p, version.version.commits}];
  if (!known.empty() && !known.contains(version.theta))
    find(books.result, "{} is not what the life before made", what);
  auto const [theta, is_new] = known.try_emplace(version.theta);
  for (auto const& story : books.sites) {
    if (p >= story.rows_before.size()) continue;
    auto const& row = story.rows_before[p];
    auto const book = book_of(story.life.start.index, story.life.start.incarnation);
    Work told = row.merged;
    told += row.pending;
    Work const held = books.held[{book, p}];
    auto& in_version = theta->second[book];
    if (is_new && !told.is_none()) {  // made before there was a tape
      in_version = told;
      in_version -= held;
    }
    // What was refused or dropped, and the site had not heard of, is pending there and nowhere else.
    bool const fits = row.merged.tokens <= in_version.tokens &&
                      in_version.tokens + held.tokens <= told.tokens &&
                      row.merged.steps <= in_version.steps && in_version.steps + held.steps <= told.steps;
    if (!fits) find(books.result, "{}: what it holds of site {} is not what that has told", what, book.first);
  }
  books.made[{p, version.version}] = {std::nullopt, version.theta};
}

// Of a shard that was lost before it wrote a word nothing is known, and only its first version taken.
void Auditor::check_taken(Books& books, Tenure const& tenure) {
  auto const& [p, version, theta] = tenure.first;
  auto const from = books.made.find({p, *tenure.from});
  bool const is_first = *tenure.from == Version{} && !books.committed.contains(p);
  bool const was_made = from != books.made.end() && from->second.theta == theta;
  bool const follows = tenure.from->term < version.term && tenure.from->commits == version.commits;
  if (!follows || !(was_made || is_first)) {
    find(books.result, "{}: goes on from what nobody has made",
         protocol::describe(TapeEntry(TapedTaken{*tenure.from, true, tenure.first})));
  }
}

void Auditor::take_tenure(Books& books, Tenure const& tenure) {
  auto const& [p, first, theta] = tenure.first;
  if (tenure.from) {
    check_taken(books, tenure);
  } else {
    begin_with(books, tenure.first);
  }
  auto holds = held_in_[{p, first.commits}][theta];
  if (!tenure.is_void) {
    if (tenure.from) books.made[{p, first}] = {first_round_of(first.term), theta};
    books.committed[p] = holds;
  }
  auto before = first;
  for (std::size_t i = 0; i < tenure.commits.size(); ++i) {
    auto const& commit = tenure.commits[i];
    check_commit(books, commit, before);
    for (auto const& [from, weight, staleness, rounds_late] : commit.members)
      holds[book_of(from.site, from.contribution.incarnation)] += from.contribution.work;
    before = commit.made.version;
    held_in_[{p, before.commits}][commit.made.theta] = holds;
    if (i >= tenure.standing) {
      books.result.forgotten.push_back(commit.made);
      continue;
    }
    for (auto const& member : commit.members) books.merged.insert(name_of(member.from));
    for (auto const& absent : commit.absent) books.absent[{p, commit.round}].insert(absent.site);
    books.made[{p, before}] = {commit.round, commit.made.theta};
    books.committed[p] = holds;
    books.result.versions.push_back(commit.made);
  }
}

void Auditor::check_commit(Books& books, TapedCommit const& commit, Version const& before) const {
  auto const what = protocol::describe(TapeEntry(commit));
  bool const follows = commit.made.version == Version{before.term, before.commits + 1};
  if (!follows || term_of(commit.round) != before.term)
    find(books.result, "{}: does not follow version {}", what, before.commits);
  std::set<std::uint32_t> fresh;
  for (auto const& member : commit.members) {
    check_member(books, commit, member, before);
    if (member.rounds_late == 0) fresh.insert(member.from.site);
  }
  for (auto const& absent : commit.absent) {
    if (absent.site >= books.site_count || fresh.contains(absent.site))
      find(books.result, "{}: site {} cannot be absent", what, absent.site);
  }
}

void Auditor::check_member(Books& books, TapedCommit const& commit, TapedCommit::Member const& member,
                           Version const& before) const {
  auto const& made = member.from.contribution;
  auto const what = fmt::format("{}: {}", protocol::describe(TapeEntry(commit)), describe(member.from));
  if (!was_made(books, member.from)) return find(books.result, "{} was never made, or otherwise", what);
  if (!books.in_commits.insert(name_of(member.from)).second) find(books.result, "{} is in two commits", what);

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
  if (!was_made(books, discard.from))
    return find(books.result, "{} was discarded, and never made so", describe(discard.from));
  if (books.in_commits.contains(name) || !books.discarded.emplace(name, discard.reason).second)
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
            made != books.made.end() && made->second.round.value_or(release.round) == release.round;
        if (!is_known)
          find(books.result, "site {}: heard of version {} of fragment {}, which was not made so", number,
               release.version.commits, release.fragment);
        hear(release.fragment, release.fate);
      } else if (auto const* notice = std::get_if<FateNotice>(&event)) {
        hear(notice->fragment, notice->fate);
      } else if (auto const* pull = std::get_if<Pull>(&event)) {
        hear(pull->fragment, pull->fate);
      } else if (auto const* state = std::get_if<HeldState>(&event)) {
        if (!books.given.contains({number, state->state.incarnation, state->state.step}))
          find(books.result, "site {}: got the state of step {}, which nobody gave", number,
               state->state.step);
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

}  // namespace atl::protocol
