#include "protocol/fragment_clock.hpp"

#include <algorithm>
#include <functional>

namespace atl::protocol {

void FragmentClock::update(std::span<std::uint64_t const> steps, bool membership_changed) {
  ahead_ = 0;
  if (std::ssize(steps) < quorum_) return;
  std::vector<std::uint64_t> order(steps.begin(), steps.end());
  auto const kth = order.begin() + (quorum_ - 1);
  std::ranges::nth_element(order, kth, std::greater{});
  kth_ = *kth;
  ahead_ = static_cast<int>(std::ranges::count_if(order, [this](auto step) { return step > kth_; }));

  // Computed anew at every change, so that a site that comes back takes its share of the offset away again:
  // the clock would otherwise leap by what the site had been ahead.
  if (membership_changed) offset_ = now_ - std::min(now_, kth_);
  now_ = std::max(now_, kth_ + offset_);
}

void FragmentClock::restore(std::uint64_t now) {
  now_ = now;
  offset_ = 0;
}

std::uint64_t phase_of(std::uint32_t fragment, int fragments, std::uint64_t interval) {
  return fragment * interval / static_cast<std::uint64_t>(fragments);
}

std::uint64_t first_due(std::uint32_t fragment, int fragments, std::uint64_t interval) {
  std::uint64_t const phase = phase_of(fragment, fragments, interval);
  return phase == 0 ? interval : phase;
}

std::uint64_t next_due(std::uint32_t fragment, int fragments, std::uint64_t interval, std::uint64_t t) {
  std::uint64_t const phase = phase_of(fragment, fragments, interval);
  std::uint64_t const earliest = t + (interval + 1) / 2;
  if (earliest <= phase) return phase;
  return phase + (earliest - phase + interval - 1) / interval * interval;
}

}  // namespace atl::protocol
