// The invariants about time: nobody waits, and everything goes on.
#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <map>
#include <set>
#include <utility>
#include <vector>

#include "sim/invariants.hpp"

namespace atl::sim {

using namespace protocol;

namespace {

constexpr double never = std::numeric_limits<double>::infinity();

class NobodyWaits : public Invariant {
 public:
  explicit NobodyWaits(Scenario const& scenario)
      : scenario_(scenario), sites_(static_cast<std::size_t>(scenario.layout.sites)) {}

  char const* name() const override { return "6 nobody waits"; }

  std::string see(Happening const& happening, double) override {
    if (auto const* started = std::get_if<SiteStarted>(&happening)) {
      site_of(started->site) = {.adopted = {}};
    } else if (auto const* joined = std::get_if<Joined>(&happening)) {
      site_of(joined->site).step = joined->step;
      site_of(joined->site).has_joined = true;
      if (joined->lacks_state) return fmt::format("site {} trains before it has healed", joined->site);
      if (!joined->is_at_base) return fmt::format("site {} begins with what is no version", joined->site);
    } else if (auto const* adopted = std::get_if<Adopted>(&happening)) {
      site_of(adopted->site).adopted.insert(adopted->fragment);
    } else if (auto const* crossed = std::get_if<Crossed>(&happening)) {
      return check(*crossed);
    }
    return {};
  }

 private:
  struct Site {
    std::uint64_t step = 0;
    std::set<std::uint32_t> adopted;
    bool has_joined = false;
    bool holds = false;
    bool departs = false;
  };

  Site& site_of(int site) { return sites_[static_cast<std::size_t>(site)]; }

  std::string check(Crossed const& crossed) {
    auto& site = site_of(crossed.site);
    if (crossed.has_stepped) ++site.step;
    if (!site.has_joined) site.step = crossed.step;  // it may have come to its end with its donor's step
    for (auto const& event : crossed.events) {
      if (std::holds_alternative<Hold>(event)) site.holds = true;
      if (std::holds_alternative<Depart>(event)) site.departs = true;
      if (auto const* go = std::get_if<Go>(&event)) site.holds = site.holds && go->leave;
    }
    bool const is_whole = std::ssize(site.adopted) == scenario_.outer.fragments;
    bool const has_ended = scenario_.ends_by_itself() && site.step >= scenario_.steps;
    bool const may_stand = site.holds || site.departs || has_ended || !is_whole || crossed.lacks_state ||
                           crossed.has_left || scenario_.is_synchronous();
    if (crossed.trains && !is_whole) return fmt::format("site {} trains what it never got", crossed.site);
    if (crossed.trains && has_ended) return fmt::format("site {} trains beyond its end", crossed.site);
    return may_stand || crossed.trains ? "" : fmt::format("site {} stands still", crossed.site);
  }

  Scenario const& scenario_;
  std::vector<Site> sites_;
};

class ClockNeverFalls : public Invariant {
 public:
  char const* name() const override { return "4 the clock never falls"; }

  std::string see(Happening const& happening, double) override {
    auto const* read = std::get_if<ClockRead>(&happening);
    if (!read) return {};
    auto const before = std::exchange(clocks_[read->shard], read->clock);
    if (read->clock >= before) return {};
    return fmt::format("that of shard {} falls from {} to {}", read->shard, before, read->clock);
  }

 private:
  std::map<int, std::uint64_t> clocks_;  // by shard
};

class CommitsGoOn : public Invariant {
 public:
  CommitsGoOn(Scenario const& scenario, FaultBoard const& faults)
      : scenario_(scenario),
        faults_(faults),
        window_s_(scenario.progress_window_s()),
        steps_(static_cast<std::size_t>(scenario.layout.sites)),
        committed_s_(static_cast<std::size_t>(scenario.outer.fragments), 0.0) {}

  char const* name() const override { return "4 commits go on"; }

  std::string see(Happening const& happening, double now_s) override {
    if (auto const* committed = std::get_if<Committed>(&happening)) {
      committed_s_[committed->commit->fragment] = now_s;
    } else if (auto const* crossed = std::get_if<Crossed>(&happening)) {
      // A site may come back to its end, and take no step any more.
      steps_[static_cast<std::size_t>(crossed->site)] = crossed->step;
    } else if (std::holds_alternative<RestAsked>(happening)) {
      trains_since_s_ = never;
    } else if (std::holds_alternative<RestOver>(happening)) {
      trains_since_s_ = now_s;
    } else if (std::holds_alternative<EventOver>(happening) && now_s >= next_look_s_) {
      next_look_s_ = now_s + 0.05 * window_s_;
      return look(now_s);
    }
    return {};
  }

 private:
  // Since when K sites and all shards have been well: a site may be kept from one shard by what it has under
  // way to another.
  double well_since_s() const {
    std::vector<double> since;
    for (Node site = 0; site < scenario_.layout.sites; ++site) {
      bool const has_ended =
          scenario_.ends_by_itself() && steps_[static_cast<std::size_t>(site)] >= scenario_.steps;
      if (!has_ended) since.push_back(faults_.clean_since_s(site));
    }
    auto const quorum = static_cast<std::size_t>(scenario_.outer.quorum);
    if (since.size() < quorum) return never;
    std::ranges::sort(since);
    double well_s = std::max(since[quorum - 1], trains_since_s_);
    for (int shard = 0; shard < scenario_.layout.shards; ++shard) {
      Node const node = scenario_.layout.shard(shard);
      // One that is lost is replaced once the others have heard so.
      double const since_s = faults_.is_gone(node)
                                 ? faults_.changed_s(FaultKind::shard_loss, node) + scenario_.links.straggle_s
                                 : faults_.clean_since_s(node);
      well_s = std::max(well_s, since_s);
    }
    return well_s;
  }

  std::string look(double now_s) const {
    double const well_s = well_since_s();
    for (std::size_t p = 0; p < committed_s_.size(); ++p) {
      double const since_s = std::max(well_s, committed_s_[p]);
      if (now_s - since_s > window_s_)
        return fmt::format(
            "fragment {} has had no commit since {:.2f} s, and nothing has been wrong for {:.2f} s", p,
            committed_s_[p], now_s - well_s);
    }
    return {};
  }

  Scenario const& scenario_;
  FaultBoard const& faults_;
  double window_s_;
  std::vector<std::uint64_t> steps_;  // by site
  std::vector<double> committed_s_;   // by fragment
  double trains_since_s_ = 0.0;
  double next_look_s_ = 0.0;
};

}  // namespace

std::unique_ptr<Invariant> nobody_waits(Scenario const& scenario) {
  return std::make_unique<NobodyWaits>(scenario);
}

std::unique_ptr<Invariant> clock_never_falls() { return std::make_unique<ClockNeverFalls>(); }

std::unique_ptr<Invariant> commits_go_on(Scenario const& scenario, FaultBoard const& faults) {
  return std::make_unique<CommitsGoOn>(scenario, faults);
}

std::vector<std::unique_ptr<Invariant>> make_invariants(Scenario const& scenario, FaultBoard const& faults) {
  std::vector<std::unique_ptr<Invariant>> all;
  all.push_back(ledger_balances(scenario, faults));
  all.push_back(commits_are_sound(scenario));
  all.push_back(contributions_are_sound(scenario));
  all.push_back(left_over_is_kept(scenario));
  all.push_back(ghosts_have_no_effect());
  all.push_back(clock_never_falls());
  all.push_back(commits_go_on(scenario, faults));
  all.push_back(rest_is_equal(scenario, faults));
  all.push_back(nobody_waits(scenario));
  all.push_back(versions_are_unique());
  return all;
}

}  // namespace atl::sim
