// The token ledger (PROTOCOL.md §8): where every token that a site has processed went, for one fragment.
#pragma once

#include "protocol/types.hpp"

namespace atl::protocol {

struct LedgerRow {
  Work processed;
  Work merged;
  Work pending;      // contributed, fate open
  Work unsent;       // trained since the base, or since the contribution
  Work overwritten;  // replaced by a release before it was contributed
  Work dropped;      // contributed too late
  Work rejected;     // contributed and refused

  bool is_balanced() const {
    Work sum = merged;
    for (Work const& part : {pending, unsent, overwritten, dropped, rejected}) sum += part;
    return sum == processed;
  }
};

}  // namespace atl::protocol
