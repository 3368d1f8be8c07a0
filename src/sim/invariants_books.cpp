// The invariants about work: where it went, and that it went there once.
#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <tuple>
#include <vector>

#include "sim/invariants.hpp"

namespace atl::sim {

using namespace protocol;

namespace {

Work work_in(int site, StepSpan const& span) {
  Work work;
  for (std::uint64_t step = span.from; step < span.to; ++step) work += {1, tokens_of(site, step)};
  return work;
}

bool exceeds(Work const& part, Work const& whole) {
  return part.steps > whole.steps || part.tokens > whole.tokens;
}

std::string text(Work const& work) { return fmt::format("{} steps ({} tokens)", work.steps, work.tokens); }

Work sum(Work a, Work const& b) { return a += b; }

class LedgerBalances : public Invariant {
 public:
  explicit LedgerBalances(Scenario const& scenario)
      : fragments_(static_cast<std::size_t>(scenario.outer.fragments)),
        sites_(static_cast<std::size_t>(scenario.layout.sites)) {}

  char const* name() const override { return "1 the ledger balances"; }

  std::string see(Happening const& happening, double) override {
    if (auto const* started = std::get_if<SiteStarted>(&happening)) {
      life_of(started->site) = {
          .incarnation = started->incarnation, .processed = {}, .merged = std::vector<Work>(fragments_)};
    } else if (auto const* lost = std::get_if<SiteLost>(&happening)) {
      auto& life = life_of(lost->site);
      life.machine = nullptr;
      for (std::size_t p = 0; p < fragments_; ++p)
        life.last.push_back(lost->machine->ledger(static_cast<int>(p)));
      over_[{lost->site, life.incarnation}] = life;
    } else if (auto const* crossed = std::get_if<Crossed>(&happening)) {
      return check_boundary(*crossed);
    } else if (auto const* sent = std::get_if<Contributed>(&happening)) {
      return check_claim(sent->site, *sent->contribution, sent->holds);
    } else if (auto const* committed = std::get_if<Committed>(&happening)) {
      return check_commit(*committed);
    }
    return {};
  }

 private:
  struct Life {
    std::uint64_t incarnation = 0;
    Work processed;
    std::vector<Work> merged;  // by fragment, by the shards
    SiteMachine const* machine = nullptr;
    std::vector<LedgerRow> last{};  // its rows when it ended
  };

  Life& life_of(int site) { return sites_[static_cast<std::size_t>(site)]; }

  std::string check_boundary(Crossed const& crossed) {
    auto& life = life_of(crossed.site);
    life.machine = crossed.machine;
    if (crossed.has_stepped) life.processed += {1, crossed.tokens};
    for (std::size_t p = 0; p < fragments_; ++p) {
      auto const& row = crossed.machine->ledger(static_cast<int>(p));
      auto const where = [&] { return fmt::format("site {}, fragment {}: ", crossed.site, p); };
      if (!row.is_balanced()) return where() + "the row does not balance";
      if (row.processed != life.processed)
        return where() +
               fmt::format("processed {} but the row says {}", text(life.processed), text(row.processed));
      if (auto what = check_row(row, life.merged[p]); !what.empty()) return where() + what;
    }
    return {};
  }

  static std::string check_row(LedgerRow const& row, Work const& merged) {
    if (exceeds(row.merged, merged))
      return fmt::format("the row says {} merged, the shards have merged {}", text(row.merged), text(merged));
    if (exceeds(merged, sum(row.merged, row.pending)))
      return fmt::format("the shards have merged {}, the row knows of {} merged and {} pending", text(merged),
                         text(row.merged), text(row.pending));
    return {};
  }

  static std::string check_claim(int site, Contribution const& claim, StepSpan const& holds) {
    auto const work = work_in(site, holds);
    if (work == claim.work) return {};
    return fmt::format("site {} sends fragment {} as {}, but it holds {}: steps {} to {}", site,
                       claim.fragment, text(claim.work), text(work), holds.from, holds.to);
  }

  std::string check_commit(Committed const& committed) {
    auto const& commit = *committed.commit;
    std::size_t const p = commit.fragment;
    for (std::size_t m = 0; m < commit.members.size(); ++m) {
      auto const& member = commit.members[m];
      Life* life = &life_of(member.site);
      if (life->incarnation != member.contribution.incarnation) {
        auto const found = over_.find({member.site, member.contribution.incarnation});
        if (found == over_.end())
          return fmt::format("a life of site {} that never was is merged", member.site);
        life = &found->second;
      } else if (!life->machine) {
        life = &over_.at({member.site, life->incarnation});
      }
      life->merged[p] += work_in(member.site, committed.holds[m]);
      auto const where = [&] { return fmt::format("site {}, fragment {}: ", member.site, p); };
      if (life->machine) {
        auto what = check_row(life->machine->ledger(static_cast<int>(p)), life->merged[p]);
        if (!what.empty()) return where() + what;
        continue;
      }
      auto const& row = life->last[p];
      Work const booked = sum(sum(row.overwritten, row.dropped), row.rejected);
      if (exceeds(sum(booked, life->merged[p]), row.processed))
        return where() + "more is merged of a life that is over than it can have lost";
    }
    return {};
  }

  std::size_t fragments_;
  std::vector<Life> sites_;
  std::map<std::pair<int, std::uint64_t>, Life> over_;  // by site and incarnation
};

// Steps that were merged, as few spans as there can be.
class SpanSet {
 public:
  // False where a step was in it already.
  bool add(StepSpan const& span) {
    auto next = spans_.lower_bound(span.from);
    if (next != spans_.end() && next->first < span.to) return false;
    StepSpan joined = span;
    if (next != spans_.begin()) {
      auto const before = std::prev(next);
      if (before->second > span.from) return false;
      if (before->second == span.from) {
        joined.from = before->first;
        spans_.erase(before);
      }
    }
    if (next != spans_.end() && next->first == span.to) {
      joined.to = next->second;
      spans_.erase(next);
    }
    spans_[joined.from] = joined.to;
    return true;
  }

 private:
  std::map<std::uint64_t, std::uint64_t> spans_;  // from -> to
};

class CommitsAreSound : public Invariant {
 public:
  explicit CommitsAreSound(Scenario const& scenario)
      : quorum_(scenario.outer.quorum),
        max_staleness_(scenario.outer.max_staleness),
        versions_(static_cast<std::size_t>(scenario.outer.fragments)) {}

  char const* name() const override { return "2 commits are sound"; }

  std::string see(Happening const& happening, double) override {
    if (auto const* admitted = std::get_if<Admitted>(&happening)) {
      auto& newest = admitted_[{admitted->shard, admitted->site}];
      newest = std::max(newest, admitted->incarnation);
    } else if (auto const* committed = std::get_if<Committed>(&happening)) {
      auto const what = check(*committed);
      if (!what.empty())
        return fmt::format("commit {} of fragment {}: {}", committed->commit->version.commits,
                           committed->commit->fragment, what);
    }
    return {};
  }

 private:
  std::string check(Committed const& committed) {
    auto const& commit = *committed.commit;
    Version& version = versions_[commit.fragment];
    if (commit.version.commits != version.commits + 1 || commit.version.term < version.term)
      return fmt::format("it follows {}", version.commits);
    int fresh = 0;
    std::pair<int, bool> last{-1, true};
    for (std::size_t m = 0; m < commit.members.size(); ++m) {
      auto const& member = commit.members[m];
      auto const& contribution = member.contribution;
      bool const is_fresh = contribution.round == commit.round;
      if (is_fresh) ++fresh;
      std::pair const place{member.site, is_fresh};
      if (place <= last) return "its members are not in the order of sites";
      last = place;
      if (contribution.base > version) return fmt::format("site {} contributes to the past", member.site);
      if (contribution.base.commits + max_staleness_ < version.commits)
        return fmt::format("site {} contributes from a base too old", member.site);
      auto const admitted = admitted_.find({committed.shard, member.site});
      if (admitted == admitted_.end() || admitted->second != contribution.incarnation)
        return fmt::format("life {} of site {} is not admitted", contribution.incarnation, member.site);
      auto& merged = merged_[{commit.fragment, member.site, contribution.incarnation}];
      auto const& span = committed.holds[m];
      if (span.from >= span.to) return fmt::format("site {} brings nothing", member.site);
      if (!merged.add(span))
        return fmt::format("steps {} to {} of site {} are in it, some of them a second time", span.from,
                           span.to, member.site);
    }
    if (fresh < quorum_) return fmt::format("{} fresh members, the quorum is {}", fresh, quorum_);
    version = commit.version;
    return {};
  }

  int quorum_;
  std::uint64_t max_staleness_;
  std::vector<Version> versions_;
  std::map<std::pair<int, int>, std::uint64_t> admitted_;                    // incarnation, by shard and site
  std::map<std::tuple<std::uint32_t, int, std::uint64_t>, SpanSet> merged_;  // by fragment, site, incarnation
};

}  // namespace

std::unique_ptr<Invariant> ledger_balances(Scenario const& scenario) {
  return std::make_unique<LedgerBalances>(scenario);
}

std::unique_ptr<Invariant> commits_are_sound(Scenario const& scenario) {
  return std::make_unique<CommitsAreSound>(scenario);
}

}  // namespace atl::sim
