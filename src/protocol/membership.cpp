#include "protocol/membership.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace atl::protocol {

bool Membership::admit(int site, std::uint64_t incarnation, double now_s) {
  auto& status = sites_.at(static_cast<std::size_t>(site));
  if (status.admitted && incarnation <= status.incarnation) return false;
  status = {
      .admitted = true, .live = true, .incarnation = incarnation, .heard_s = now_s, .live_since_s = now_s};
  changed_ = true;
  return true;
}

bool Membership::hear(int site, std::uint64_t incarnation, double now_s) {
  auto& status = sites_.at(static_cast<std::size_t>(site));
  if (!status.admitted || status.incarnation != incarnation) return false;
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
    if (site.live && site.reported) (has_ended(site) ? ended : training).push_back(site.step);
  }
  return training.empty() ? ended : training;
}

std::uint64_t Membership::slowest_step() const {
  std::optional<std::uint64_t> slowest;
  for (auto const& site : sites_) {
    if (!site.admitted) return 0;  // it is still on its way here
    if (site.live) slowest = std::min(slowest.value_or(site.step), site.step);
  }
  return slowest.value_or(0);
}

bool Membership::take_changed() { return std::exchange(changed_, false); }

int Membership::live_count() const {
  return static_cast<int>(std::ranges::count_if(sites_, &SiteStatus::live));
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

std::string Membership::describe(int site, double now_s) const {
  SiteStatus const& status = (*this)[site];
  return status.admitted ? fmt::format("silent for {:.0f} s", now_s - status.heard_s) : "not here yet";
}

}  // namespace atl::protocol
