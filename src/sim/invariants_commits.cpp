// The invariant about commits: who is in them, and with what.
#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <tuple>
#include <utility>
#include <vector>

#include "sim/invariants.hpp"
#include "sim/open_commits.hpp"

namespace atl::sim {

using namespace protocol;

namespace {

// Steps that were merged, as few spans as there can be.
class SpanSet {
 public:
  // False where a step was in it already.
  bool add(StepSpan const& span) {
    auto next = spans_.lower_bound(span.from);
    if (next != spans_.end() && next->first < span.to) return false;
    StepSpan joined = span;
    if (next != spans_.begin()) {
      auto const before = std::prev(next);
      if (before->second > span.from) return false;
      if (before->second == span.from) {
        joined.from = before->first;
        spans_.erase(before);
      }
    }
    if (next != spans_.end() && next->first == span.to) {
      joined.to = next->second;
      spans_.erase(next);
    }
    spans_[joined.from] = joined.to;
    return true;
  }

 private:
  std::map<std::uint64_t, std::uint64_t> spans_;  // from -> to
};

class CommitsAreSound : public Invariant {
 public:
  explicit CommitsAreSound(Scenario const& scenario)
      : quorum_(scenario.outer.quorum),
        max_staleness_(scenario.outer.max_staleness),
        takes_what_it_has_(!scenario.is_synchronous()) {}

  char const* name() const override { return "2 commits are sound"; }

  std::string see(Happening const& happening, double) override {
    if (auto const* admitted = std::get_if<Admitted>(&happening)) {
      auto& newest = admitted_[{admitted->shard, admitted->site}];
      newest = std::max(newest, admitted->incarnation);
    } else if (auto const* recalled = std::get_if<Recalled>(&happening)) {
      versions_[{recalled->shard, recalled->commit->fragment}] = recalled->commit->version;
      return merge({recalled->shard, *recalled->commit, {recalled->holds.begin(), recalled->holds.end()}});
    } else if (auto const* sent = std::get_if<Contributed>(&happening)) {
      sent_from_[sent->contribution->fragment] = sent->contribution->base;
    } else if (auto const* crossed = std::get_if<Crossed>(&happening)) {
      return check_boundary(*crossed);
    } else if (auto const* published = std::get_if<Published>(&happening)) {
      versions_[{published->shard, published->fragment}] = published->version;
      for (auto const& settled : open_.settle(*published)) {
        if (auto what = merge(settled); !what.empty()) return what;
      }
    } else if (auto const* committed = std::get_if<Committed>(&happening)) {
      open_.add(*committed);
      auto const what = check(*committed);
      if (!what.empty())
        return fmt::format("commit {} of fragment {}: {}", committed->commit->version.commits,
                           committed->commit->fragment, what);
    }
    return {};
  }

 private:
  // What is sent at a boundary comes before its Crossed.
  std::string check_boundary(Crossed const& crossed) {
    auto const sent_from = std::exchange(sent_from_, {});
    for (auto const& event : crossed.events) {
      auto const* held = std::get_if<HeldRelease>(&event);
      bool const is_whole = held && held->payload != 0;
      auto const sent = is_whole ? sent_from.find(held->release.fragment) : sent_from.end();
      // What a new owner sends may overtake the news that it is one.
      bool const is_older = sent != sent_from.end() && sent->second < held->release.version &&
                            sent->second.term == held->release.version.term;
      if (takes_what_it_has_ && is_older)
        return fmt::format("site {} sends fragment {} from base {} while it holds version {}", crossed.site,
                           sent->first, sent->second.commits, held->release.version.commits);
    }
    return {};
  }

  std::string check(Committed const& committed) {
    auto const& commit = *committed.commit;
    Version& version = versions_[{committed.shard, commit.fragment}];
    if (commit.version.commits != version.commits + 1 || commit.version.term < version.term)
      return fmt::format("it follows {}", version.commits);
    int fresh = 0;
    std::pair<int, bool> last{-1, true};
    for (std::size_t m = 0; m < commit.members.size(); ++m) {
      auto const& member = commit.members[m];
      auto const& contribution = member.contribution;
      bool const is_fresh = contribution.round == commit.round;
      if (is_fresh) ++fresh;
      std::pair const place{member.site, is_fresh};
      if (place <= last) return "its members are not in the order of sites";
      last = place;
      if (contribution.base.commits > version.commits)
        return fmt::format("site {} contributes to the past", member.site);
      if (contribution.base.commits + max_staleness_ < version.commits)
        return fmt::format("site {} contributes from a base too old", member.site);
      auto const admitted = admitted_.find({committed.shard, member.site});
      if (admitted == admitted_.end() || admitted->second != contribution.incarnation)
        return fmt::format("life {} of site {} is not admitted", contribution.incarnation, member.site);
    }
    if (fresh < quorum_) return fmt::format("{} fresh members, the quorum is {}", fresh, quorum_);
    version = commit.version;
    return {};
  }

  std::string merge(OpenCommit const& settled) {
    auto const& commit = settled.commit;
    for (std::size_t m = 0; m < commit.members.size(); ++m) {
      auto const& [site, contribution] = std::pair(commit.members[m].site, commit.members[m].contribution);
      auto const& span = settled.holds[m];
      if (span.from >= span.to) return fmt::format("site {} brings nothing", site);
      if (!merged_[{commit.fragment, site, contribution.incarnation}].add(span))
        return fmt::format("version {} of fragment {}: steps {} to {} of site {}, some of them a second time",
                           commit.version.commits, commit.fragment, span.from, span.to, site);
    }
    return {};
  }

  int quorum_;
  OpenCommits open_;
  std::uint64_t max_staleness_;
  bool takes_what_it_has_;
  std::map<std::uint32_t, Version> sent_from_;                 // by fragment, at the boundary under way
  std::map<std::pair<int, std::uint32_t>, Version> versions_;  // by shard and fragment
  std::map<std::pair<int, int>, std::uint64_t> admitted_;      // incarnation, by shard and site
  std::map<std::tuple<std::uint32_t, int, std::uint64_t>, SpanSet> merged_;  // by fragment, site, incarnation
};

}  // namespace

std::unique_ptr<Invariant> commits_are_sound(Scenario const& scenario) {
  return std::make_unique<CommitsAreSound>(scenario);
}

}  // namespace atl::sim
