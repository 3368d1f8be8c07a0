#include "optim/lr_schedule.hpp"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "base/error.hpp"

namespace atl::optim {

namespace {

// The last step with the full rate.
std::uint64_t last_full_step(deck::InnerSection const& inner, std::uint64_t total_steps) {
  switch (inner.schedule) {
    case deck::Schedule::constant:
      return total_steps;
    case deck::Schedule::wsd: {
      auto const falling = std::llround(inner.decay_fraction * static_cast<double>(total_steps));
      return std::max(inner.warmup_steps, total_steps - static_cast<std::uint64_t>(falling));
    }
    default:
      return inner.warmup_steps;
  }
}

}  // namespace

double learning_rate(deck::InnerSection const& inner, std::uint64_t total_steps, std::uint64_t step) {
  base::ensure(step >= 1, "steps are counted from 1");
  std::uint64_t const now = std::min(step, total_steps);
  if (now < inner.warmup_steps) {
    return inner.lr * static_cast<double>(now) / static_cast<double>(inner.warmup_steps);
  }
  std::uint64_t const full = last_full_step(inner, total_steps);
  if (now <= full) return inner.lr;
  double const done = static_cast<double>(now - full) / static_cast<double>(total_steps - full);
  bool const is_cosine = inner.schedule == deck::Schedule::cosine;
  double const height = is_cosine ? 0.5 * (1.0 + std::cos(std::numbers::pi * done)) : 1.0 - done;
  return inner.lr * (inner.min_lr_ratio + (1.0 - inner.min_lr_ratio) * height);
}

}  // namespace atl::optim
