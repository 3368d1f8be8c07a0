#include "train/goodput.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>

namespace atl::train {

namespace {

History::Step const* last_step(History::Life const& life, int site, double before_s) {
  History::Step const* last = nullptr;
  for (auto const& step : life.steps) {
    if (step.site == site && step.time_s < before_s) last = &step;
  }
  return last;
}

void account_for_steps(Goodput& goodput, History::Life const& life) {
  for (auto const& step : life.steps) {
    double const training_s = std::max(0.0, step.step_s - step.wait_s);
    goodput.training_s += training_s;
    if (step.is_superseded) goodput.lost_s += training_s;
    goodput.in_site_wait_s += step.wait_s;
    goodput.checkpoint_s += step.checkpoint_s;
    goodput.evaluation_s += step.eval_s;
  }
}

// A site whose steps stop at `from_s`.
void account_for_loss(Goodput& goodput, History::Life const& life, int site, double from_s, double to_s) {
  auto const* last = last_step(life, site, from_s);
  goodput.recovery_s += to_s - (last ? last->time_s : 0.0);
  if (last) goodput.lost_s += steps_not_merged(life, site, from_s) * last->step_s;
}

}  // namespace

double steps_not_merged(History::Life const& life, int site, double time_s) {
  auto const* last = last_step(life, site, time_s);
  if (!last) return 0.0;
  std::map<int, std::uint64_t> merged;  // by fragment: up to which step
  for (auto const& commit : life.commits) {
    auto& step = merged.try_emplace(commit.fragment, life.steps.front().step).first->second;
    if (commit.time_s < time_s && std::ranges::count(commit.members, site) > 0) step = commit.step;
  }
  double sum = 0.0;
  for (auto const& [fragment, step] : merged)
    sum += last->step > step ? static_cast<double>(last->step - step) : 0.0;
  return merged.empty() ? 0.0 : sum / static_cast<double>(merged.size());
}

Goodput account(History const& history) {
  Goodput goodput;
  for (auto const& life : history.lives) {
    goodput.site_s += history.sites * life.end_s;
    account_for_steps(goodput, life);
    for (auto const& back : life.returns)
      account_for_loss(goodput, life, back.site, back.time_s, back.time_s);
    std::set<int> gone;
    for (auto const& fault : life.faults) {
      bool const came_back = std::ranges::any_of(life.returns, [&](auto const& back) {
        return fault.site == back.site && back.time_s >= fault.time_s;
      });
      if (fault.site && !came_back && gone.insert(*fault.site).second)
        account_for_loss(goodput, life, *fault.site, fault.time_s, life.end_s);
    }
  }
  return goodput;
}

std::vector<Participation> participation(History const& history) {
  std::map<int, Participation> sites;
  std::uint64_t commits = 0;
  for (auto const& life : history.lives) {
    for (auto const& commit : life.commits) {
      ++commits;
      for (std::size_t m = 0; m < commit.members.size(); ++m) {
        auto& site = sites[commit.members[m]];
        ++site.commits;
        if (m < commit.staleness.size()) site.staleness += static_cast<double>(commit.staleness[m]);
      }
    }
  }
  std::vector<Participation> all;
  for (auto& [number, site] : sites) {
    site.site = number;
    site.share = static_cast<double>(site.commits) / static_cast<double>(commits);
    site.staleness /= static_cast<double>(site.commits);
    all.push_back(site);
  }
  return all;
}

std::string describe(Goodput const& goodput) {
  return fmt::format(
      "goodput  {:.1f} % of {:.1f} s of all sites: {:.1f} s in steps, {:.1f} of them for nothing; {:.1f} "
      "waiting within "
      "sites, {:.2f} for checkpoints, {:.1f} evaluating, {:.1f} until lost sites were back, {:.1f} other",
      100 * goodput.share(), goodput.site_s, goodput.training_s, goodput.lost_s, goodput.in_site_wait_s,
      goodput.checkpoint_s, goodput.evaluation_s, goodput.recovery_s, goodput.other_s());
}

}  // namespace atl::train
