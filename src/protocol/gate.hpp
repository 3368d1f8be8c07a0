// What a contribution must be like in order to be merged (PROTOCOL.md §2).
#pragma once

#include <cstdint>

#include "protocol/message.hpp"

namespace atl::protocol {

struct Gate {
  std::uint64_t max_staleness = 0;        // commits
  std::uint64_t max_tokens_per_step = 0;  // of a site

  // The first thing wrong with it, Reason::none if nothing is. `version`: of the fragment, now.
  Reason inspect(Contribution const& contribution, bool finite, Version const& version) const;
  // Of another term, it is not known to be one of the fragment's versions at all.
  bool is_too_old(Version const& base, Version const& version) const {
    return base.term < version.term || base.commits + max_staleness < version.commits;
  }
};

}  // namespace atl::protocol
