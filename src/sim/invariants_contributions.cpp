// The invariant about contributions: each is what it says, and counts once.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <optional>
#include <set>
#include <tuple>
#include <utility>

#include "sim/invariants.hpp"
#include "sim/open_commits.hpp"

namespace atl::sim {

using namespace protocol;

namespace {

class ContributionsAreSound : public Invariant {
 public:
  explicit ContributionsAreSound(Scenario const& scenario) : late_discount_(scenario.outer.late_discount) {}

  char const* name() const override { return "2 contributions are sound"; }

  std::string see(Happening const& happening, double) override {
    if (auto const* started = std::get_if<SiteStarted>(&happening)) {
      std::erase_if(copies_, [&](auto const& copy) { return copy.first.first == started->site; });
    } else if (auto const* recalled = std::get_if<Recalled>(&happening)) {
      for (auto const& member : recalled->commit->members) {
        bool const is_fresh = member.contribution.round == recalled->commit->round;
        if (is_fresh)
          copies_[{member.site, recalled->commit->fragment}].merged_in = recalled->commit->version.commits;
      }
    } else if (auto const* adopted = std::get_if<Adopted>(&happening)) {
      copies_[{adopted->site, adopted->fragment}].base = adopted->version.commits;
    } else if (auto const* sent = std::get_if<Contributed>(&happening)) {
      return check_base(*sent);
    } else if (auto const* asked = std::get_if<Asked>(&happening)) {
      return check_need(*asked);
    } else if (auto const* committed = std::get_if<Committed>(&happening)) {
      open_.add(*committed);
      return check_members(*committed);
    } else if (auto const* published = std::get_if<Published>(&happening)) {
      auto& owner = owners_[published->fragment];
      owner = std::max(owner, {published->version.term, published->shard});
      for (auto const& settled : open_.settle(*published)) note_merged(settled.commit);
    }
    return {};
  }

 private:
  // A site's, in its present life. Terms are left out: a base keeps its Theta when its owner changes.
  struct Copy {
    std::optional<std::uint64_t> base;  // commits
    std::uint64_t incarnation = 0;
    std::uint64_t merged_in = 0;  // the version that holds its last merged work
  };

  std::string check_base(Contributed const& sent) {
    auto const& contribution = *sent.contribution;
    auto& copy = copies_[{sent.site, contribution.fragment}];
    copy.incarnation = contribution.incarnation;
    if (!copy.base || *copy.base == contribution.base.commits) return {};
    return fmt::format("site {} sends fragment {} from base {} and calls it {}", sent.site,
                       contribution.fragment, *copy.base, contribution.base.commits);
  }

  // What the owner has heard of the base is never newer than what it is. A former owner may ask in vain.
  std::string check_need(Asked const& asked) const {
    auto const owner = owners_.find(asked.fragment);
    auto const found = copies_.find({asked.site, asked.fragment});
    bool const is_owner = owner != owners_.end() && owner->second.second == asked.shard;
    if (!is_owner || found == copies_.end()) return {};
    auto const& copy = found->second;
    if (!copy.base || *copy.base >= copy.merged_in) return {};
    return fmt::format("site {} is asked for fragment {} on base {}, while version {} holds its work",
                       asked.site, asked.fragment, *copy.base, copy.merged_in);
  }

  std::string check_members(Committed const& committed) {
    auto const& commit = *committed.commit;
    for (std::size_t m = 0; m < commit.members.size(); ++m) {
      auto const& [site, contribution] = std::pair(commit.members[m].site, commit.members[m].contribution);
      auto const where = [&] {
        return fmt::format("commit {} of fragment {}: site {}", commit.version.commits, commit.fragment,
                           site);
      };
      if (!counted_.emplace(commit.fragment, site, contribution.incarnation, contribution.round).second)
        return where() + fmt::format(" brings its contribution to round {} again", contribution.round);
      double const weight = weight_of(site, committed.holds[m], commit.round - contribution.round);
      if (std::abs(commit.members[m].weight - weight) > 1e-9 * weight)
        return where() + fmt::format(" has weight {} instead of {}", commit.members[m].weight, weight);
    }
    return {};
  }

  double weight_of(int site, StepSpan const& holds, std::uint64_t rounds_late) const {
    double tokens = 0.0;
    for (auto step = holds.from; step < holds.to; ++step)
      tokens += static_cast<double>(tokens_of(site, step));
    return tokens * tokens / static_cast<double>(holds.to - holds.from) *
           std::pow(late_discount_, static_cast<double>(rounds_late));
  }

  // What was carried is gone from theta already.
  void note_merged(Commit const& commit) {
    for (auto const& member : commit.members) {
      if (member.contribution.round != commit.round) continue;
      auto const copy = copies_.find({member.site, commit.fragment});
      if (copy != copies_.end() && copy->second.incarnation == member.contribution.incarnation)
        copy->second.merged_in = commit.version.commits;
    }
  }

  double late_discount_;
  OpenCommits open_;
  std::map<std::uint32_t, std::pair<std::uint64_t, int>> owners_;  // term and shard, by fragment
  std::map<std::pair<int, std::uint32_t>, Copy> copies_;           // by site and fragment
  std::set<std::tuple<std::uint32_t, int, std::uint64_t, std::uint64_t>>
      counted_;  // fragment, site, life, round
};

}  // namespace

std::unique_ptr<Invariant> contributions_are_sound(Scenario const& scenario) {
  return std::make_unique<ContributionsAreSound>(scenario);
}

}  // namespace atl::sim
