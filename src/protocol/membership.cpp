#include "protocol/membership.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <utility>

namespace atl::protocol {

bool Membership::greet(int site, std::uint64_t incarnation, bool heals, double now_s) {
  auto& status = sites_.at(static_cast<std::size_t>(site));
  if (incarnation <= status.incarnation) return false;
  status = {.here = true,
            .admitted = !heals,
            .live = true,
            .incarnation = incarnation,
            .heard_s = now_s,
            .live_since_s = now_s};
  changed_ = true;
  return true;
}

bool Membership::lose(int site) {
  auto& status = sites_.at(static_cast<std::size_t>(site));
  if (!status.here) return false;
  status = {.incarnation = status.incarnation, .heard_s = status.heard_s};
  changed_ = true;
  return true;
}

bool Membership::hear(int site, std::uint64_t incarnation, double now_s) {
  auto& status = sites_.at(static_cast<std::size_t>(site));
  if (!status.here || status.incarnation != incarnation) return false;
  status.heard_s = now_s;
  if (!status.live) {
    status.live = true;
    status.live_since_s = now_s;
    changed_ = true;
  }
  return true;
}

void Membership::report(int site, Progress const& progress) {
  auto& status = sites_.at(static_cast<std::size_t>(site));
  bool const had_ended = has_ended(status);
  status.holding = progress.holding;
  status.step = progress.step;
  auto& furthest = furthest_.at(static_cast<std::size_t>(site));
  furthest = std::max(furthest, progress.step);
  if (std::exchange(status.admitted, !progress.heals) != status.admitted) changed_ = true;
  if (!std::exchange(status.reported, true) || has_ended(status) != had_ended) changed_ = true;
  status.step_s = progress.step_s;
}

void Membership::sweep(double now_s) {
  for (auto& site : sites_) {
    if (!site.live || now_s < death_s(site)) continue;
    site.live = false;
    changed_ = true;
  }
}

std::vector<std::uint64_t> Membership::counted_steps() const {
  std::vector<std::uint64_t> training;
  std::vector<std::uint64_t> ended;
  for (auto const& site : sites_) {
    if (site.live && site.admitted && site.reported)
      (has_ended(site) ? ended : training).push_back(site.step);
  }
  return training.empty() ? ended : training;
}

std::uint64_t Membership::slowest_step() const {
  std::optional<std::uint64_t> slowest;
  for (auto const& site : sites_) {
    if (site.incarnation == 0) return 0;  // it is still on its way here
    if (site.live) slowest = std::min(slowest.value_or(site.step), site.step);
  }
  return slowest.value_or(0);
}

bool Membership::take_changed() { return std::exchange(changed_, false); }

int Membership::live_count() const {
  return static_cast<int>(
      std::ranges::count_if(sites_, [](SiteStatus const& site) { return site.live && site.admitted; }));
}

bool Membership::do_all_live_hold() const {
  return std::ranges::all_of(sites_, [](SiteStatus const& site) { return !site.live || site.holding; });
}

std::optional<double> Membership::next_death_s() const {
  std::optional<double> next;
  for (auto const& site : sites_) {
    if (site.live) next = std::min(next.value_or(death_s(site)), death_s(site));
  }
  return next;
}

std::vector<std::uint32_t> Membership::donors_for(int site, std::size_t most) const {
  std::vector<std::uint32_t> donors;
  for (int other = 0; other < size(); ++other) {
    SiteStatus const& status = (*this)[other];
    if (other != site && status.live && status.admitted && status.reported)
      donors.push_back(static_cast<std::uint32_t>(other));
  }
  std::ranges::stable_sort(donors, std::greater{}, [&](std::uint32_t other) { return sites_[other].step; });
  if (donors.size() > most) donors.resize(most);
  return donors;
}

std::string Membership::describe(int site, double now_s) const {
  SiteStatus const& status = (*this)[site];
  if (status.incarnation == 0) return "not here yet";
  if (!status.here) return "lost";
  if (status.live) return "healing";
  return fmt::format("silent for {:.0f} s", now_s - status.heard_s);
}

}  // namespace atl::protocol
