// The words for outcomes and reasons, as logs and metrics show them.
#include <array>

#include "protocol/types.hpp"

namespace atl::protocol {

namespace {

// In the order of the enumerations.
constexpr std::array outcomes{"none", "received", "merged", "carried", "dropped", "rejected", "absent"};
constexpr std::array reasons{"none",         "unknown_round", "duplicate",       "stale_base", "future_base",
                             "wrong_counts", "not_finite",    "old_incarnation", "old_term"};
static_assert(outcomes.size() == static_cast<std::size_t>(Outcome::absent) + 1);
static_assert(reasons.size() == static_cast<std::size_t>(Reason::old_term) + 1);

}  // namespace

char const* name(Outcome outcome) { return outcomes.at(static_cast<std::size_t>(outcome)); }
char const* name(Reason reason) { return reasons.at(static_cast<std::size_t>(reason)); }

}  // namespace atl::protocol
