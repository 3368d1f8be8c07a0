#include "protocol/gate.hpp"

namespace atl::protocol {

namespace {

// 0 < tokens <= steps * max, without overflow; and no more steps than the site has ever taken.
bool are_possible(Work const& work, std::uint64_t site_step, std::uint64_t max_tokens_per_step) {
  return work.steps > 0 && work.tokens > 0 && work.steps <= site_step &&
         (work.tokens - 1) / work.steps < max_tokens_per_step;
}

}  // namespace

Reason Gate::inspect(Contribution const& contribution, bool finite, Version const& version) const {
  if (contribution.base > version) return Reason::future_base;
  if (is_too_old(contribution.base, version)) return Reason::stale_base;
  if (!are_possible(contribution.work, contribution.step, max_tokens_per_step)) return Reason::wrong_counts;
  if (!finite) return Reason::not_finite;
  return Reason::none;
}

}  // namespace atl::protocol
