#include "protocol/membership.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <utility>

namespace atl::protocol {

// Every change of a status comes here, and is counted.
void Membership::become(int site, SiteStatus const& status) {
  auto const is_counted = [](SiteStatus const& each) { return each.live && each.admitted; };
  auto const is_moving = [](SiteStatus const& each) { return each.live && !each.holding; };
  SiteStatus& old = sites_.at(static_cast<std::size_t>(site));
  counted_ += is_counted(status) - is_counted(old);
  moving_ += is_moving(status) - is_moving(old);
  if (old.live != status.live || old.admitted != status.admitted || old.holding != status.holding ||
      old.leaving != status.leaving)
    touched_.push_back(site);
  if (old.here != status.here || old.live != status.live || old.admitted != status.admitted ||
      old.reported != status.reported || old.leaving != status.leaving ||
      old.incarnation != status.incarnation || has_ended(old) != has_ended(status))
    changed_ = true;
  bool const is_heard = status.live && (!old.live || status.heard_s != old.heard_s);
  old = status;
  if (is_heard) signs_.emplace_back(status.heard_s, site);
  forget_old_signs();
}

void Membership::forget_old_signs() {
  auto const is_old = [this](auto const& sign) {
    SiteStatus const& site = (*this)[sign.second];
    return !site.live || site.heard_s != sign.first;
  };
  while (!signs_.empty() && is_old(signs_.front())) signs_.pop_front();
}

bool Membership::greet(int site, std::uint64_t incarnation, bool heals, double now_s) {
  if (incarnation <= (*this)[site].incarnation) return false;
  become(site, {.expected = false,
                .here = true,
                .admitted = !heals,
                .live = true,
                .incarnation = incarnation,
                .heard_s = now_s,
                .live_since_s = now_s});
  return true;
}

bool Membership::lose(int site) {
  SiteStatus const& status = (*this)[site];
  if (!status.here && !status.expected) return false;
  become(site, {.expected = false, .incarnation = status.incarnation, .heard_s = status.heard_s});
  return true;
}

bool Membership::hear(int site, std::uint64_t incarnation, double now_s) {
  SiteStatus status = (*this)[site];
  if (!status.here || status.incarnation != incarnation) return false;
  status.heard_s = now_s;
  if (!std::exchange(status.live, true)) status.live_since_s = now_s;
  become(site, status);
  return true;
}

void Membership::report(int site, Progress const& progress) {
  SiteStatus status = (*this)[site];
  status.holding = progress.holding;
  status.leaving = progress.leaving;
  status.step = progress.step;
  status.admitted = !progress.heals;
  status.reported = true;
  status.step_s = progress.step_s;
  become(site, status);
  auto& furthest = furthest_.at(static_cast<std::size_t>(site));
  furthest = std::max(furthest, progress.step);
}

void Membership::sweep(double now_s) {
  while (next_death_s() && now_s >= *next_death_s()) {
    SiteStatus status = (*this)[signs_.front().second];
    status.live = false;
    become(signs_.front().second, status);
  }
}

std::vector<std::uint64_t> Membership::counted_steps() const {
  std::vector<std::uint64_t> training;
  std::vector<std::uint64_t> ended;
  for (auto const& site : sites_) {
    if (site.live && site.admitted && site.reported && !site.leaving)
      (has_ended(site) ? ended : training).push_back(site.step);
  }
  return training.empty() ? ended : training;
}

std::uint64_t Membership::slowest_step() const {
  std::optional<std::uint64_t> slowest;
  for (auto const& site : sites_) {
    if (site.expected) return 0;
    if (site.live && !site.leaving) slowest = std::min(slowest.value_or(site.step), site.step);
  }
  return slowest.value_or(0);
}

bool Membership::take_changed() { return std::exchange(changed_, false); }

std::optional<double> Membership::next_death_s() const {
  return signs_.empty() ? std::nullopt : std::optional(death_s((*this)[signs_.front().second]));
}

std::vector<std::uint32_t> Membership::donors_for(int site, std::size_t most) const {
  std::vector<std::uint32_t> donors;
  for (int other = 0; other < size(); ++other) {
    SiteStatus const& status = (*this)[other];
    if (other != site && status.live && status.admitted && status.reported && !status.leaving)
      donors.push_back(static_cast<std::uint32_t>(other));
  }
  std::ranges::stable_sort(donors, std::greater{}, [&](std::uint32_t other) { return sites_[other].step; });
  if (donors.size() > most) donors.resize(most);
  return donors;
}

std::string Membership::describe(int site, double now_s) const {
  SiteStatus const& status = (*this)[site];
  if (status.expected) return "not here yet";
  if (!status.here) return "lost";
  if (status.live) return "healing";
  return fmt::format("silent for {:.0f} s", now_s - status.heard_s);
}

}  // namespace atl::protocol
