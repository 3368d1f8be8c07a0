// Commits that nobody has heard of yet: whether they count is decided when a version is published.
#pragma once

#include <algorithm>
#include <iterator>
#include <map>
#include <utility>
#include <vector>

#include "sim/happening.hpp"

namespace atl::sim {

struct OpenCommit {
  int shard = 0;
  protocol::Commit commit;
  std::vector<StepSpan> holds;
};

class OpenCommits {
 public:
  void add(Committed const& committed) {
    by_fragment_[committed.commit->fragment].push_back(
        {committed.shard, *committed.commit, {committed.holds.begin(), committed.holds.end()}});
  }

  // Those that count from now on, the oldest first. What another owner takes over decides of all that were
  // made in earlier terms: what is not in it is void.
  std::vector<OpenCommit> settle(Published const& published) {
    auto& open = by_fragment_[published.fragment];
    auto const& from = published.taken_from;
    auto const counts = [&](OpenCommit const& one) {
      auto const& version = one.commit.version;
      return from ? version.term == from->term && version.commits <= from->commits
                  : one.shard == published.shard && version.commits <= published.version.commits;
    };
    std::vector<OpenCommit> settled;
    std::ranges::copy_if(open, std::back_inserter(settled), counts);
    std::erase_if(open, [&](OpenCommit const& one) {
      return counts(one) || (from && one.commit.version.term < published.version.term);
    });
    return settled;
  }

 private:
  std::map<std::uint32_t, std::vector<OpenCommit>> by_fragment_;
};

}  // namespace atl::sim
