// The invariant about work: where it went.
#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <vector>

#include "sim/invariants.hpp"
#include "sim/open_commits.hpp"
#include "sim/rest_seen.hpp"

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
  LedgerBalances(Scenario const& scenario, FaultBoard const& faults)
      : scenario_(scenario),
        rest_(scenario, faults),
        fragments_(static_cast<std::size_t>(scenario.outer.fragments)),
        sites_(static_cast<std::size_t>(scenario.layout.sites)) {}

  char const* name() const override { return "1 the ledger balances"; }

  std::string see(Happening const& happening, double now_s) override {
    rest_.see(happening, now_s);
    if (auto const* started = std::get_if<SiteStarted>(&happening)) {
      life_of(started->site) = {
          .incarnation = started->incarnation, .processed = {}, .merged = std::vector<Work>(fragments_)};
      if (started->restored) {
        life_of(started->site).processed = started->restored->ledger(0).processed;
        life_of(started->site).machine = started->restored;
      }
    } else if (auto const* recalled = std::get_if<Recalled>(&happening)) {
      for (std::size_t m = 0; m < recalled->holds.size(); ++m) {
        int const site = recalled->commit->members[m].site;
        life_of(site).merged[recalled->commit->fragment] += work_in(site, recalled->holds[m]);
      }
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
      open_.add(*committed);
    } else if (auto const* published = std::get_if<Published>(&happening)) {
      for (auto const& settled : open_.settle(*published)) {
        if (auto what = check_commit(settled); !what.empty()) return what;
      }
    } else if (std::holds_alternative<RunOver>(happening) && rest_.has_finished()) {
      return check_end();
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
      bool const has_more = !row.unsent.is_none() || !row.pending.is_none();
      if (departs(crossed) && has_more)
        return where() +
               fmt::format("it departs with {} unsent and {} pending", text(row.unsent), text(row.pending));
    }
    return {};
  }

  // By itself, before the run is over.
  static bool departs(Crossed const& crossed) {
    return crossed.has_left && std::ranges::none_of(crossed.events, [](SiteEvent const& event) {
             return std::holds_alternative<Go>(event);
           });
  }

  std::string check_row(LedgerRow const& row, Work const& merged) const {
    Work const thrown_away = sum(sum(row.overwritten, row.dropped), row.rejected);
    if (scenario_.outer.receive == deck::Receive::rebase && !thrown_away.is_none())
      return fmt::format("rebase threw {} away", text(thrown_away));
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

  std::string check_commit(OpenCommit const& settled) {
    auto const& commit = settled.commit;
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
      life->merged[p] += work_in(member.site, settled.holds[m]);
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

  std::string check_end() {
    for (Node site = 0; site < scenario_.layout.sites; ++site) {
      auto const& life = life_of(site);
      if (!life.machine || !rest_.was_healthy(site)) continue;
      for (std::size_t p = 0; p < fragments_; ++p) {
        auto const& row = life.machine->ledger(static_cast<int>(p));
        bool const knows_all = row.pending.is_none() && row.merged == life.merged[p];
        if (!knows_all && rest_.was_healthy(rest_.owner_of(p)))
          return fmt::format("site {}, fragment {}: {} merged, the row says {} and {} pending", site, p,
                             text(life.merged[p]), text(row.merged), text(row.pending));
      }
    }
    return {};
  }

  Scenario const& scenario_;
  RestSeen rest_;
  OpenCommits open_;
  std::size_t fragments_;
  std::vector<Life> sites_;
  std::map<std::pair<int, std::uint64_t>, Life> over_;  // by site and incarnation
};

}  // namespace

std::unique_ptr<Invariant> ledger_balances(Scenario const& scenario, FaultBoard const& faults) {
  return std::make_unique<LedgerBalances>(scenario, faults);
}

}  // namespace atl::sim
