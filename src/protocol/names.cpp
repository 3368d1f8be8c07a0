// The words for outcomes and reasons, as logs and metrics show them.
#include "protocol/types.hpp"

namespace atoll::protocol {

char const* name(Outcome outcome) {
  switch (outcome) {
    case Outcome::none: return "none";
    case Outcome::received: return "received";
    case Outcome::merged: return "merged";
    case Outcome::carried: return "carried";
    case Outcome::dropped: return "dropped";
    case Outcome::rejected: return "rejected";
    case Outcome::absent: return "absent";
  }
  return "unknown";
}

char const* name(Reason reason) {
  switch (reason) {
    case Reason::none: return "none";
    case Reason::unknown_round: return "unknown_round";
    case Reason::duplicate: return "duplicate";
    case Reason::stale_base: return "stale_base";
    case Reason::future_base: return "future_base";
    case Reason::wrong_counts: return "wrong_counts";
    case Reason::not_finite: return "not_finite";
    case Reason::old_incarnation: return "old_incarnation";
  }
  return "unknown";
}

}  // namespace atoll::protocol
