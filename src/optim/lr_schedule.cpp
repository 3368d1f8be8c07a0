#include "optim/lr_schedule.hpp"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "base/error.hpp"

namespace atl::optim {

double learning_rate(deck::InnerSection const& inner, std::uint64_t total_steps, std::uint64_t step) {
  base::ensure(step >= 1, "steps are counted from 1");
  std::uint64_t const now = std::min(step, total_steps);
  if (now < inner.warmup_steps) {
    return inner.lr * static_cast<double>(now) / static_cast<double>(inner.warmup_steps);
  }
  switch (inner.schedule) {
    case deck::Schedule::constant:
      return inner.lr;
    case deck::Schedule::cosine: {
      if (total_steps <= inner.warmup_steps) return inner.lr;
      double const done = static_cast<double>(now - inner.warmup_steps) /
                          static_cast<double>(total_steps - inner.warmup_steps);
      double const height = 0.5 * (1.0 + std::cos(std::numbers::pi * done));
      return inner.lr * (inner.min_lr_ratio + (1.0 - inner.min_lr_ratio) * height);
    }
    default:
      throw base::RuntimeFailure("this learning-rate schedule is not built yet: use constant or cosine");
  }
}

}  // namespace atl::optim
