// The invariants about versions: what they are, where they are, and who may move them.
#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <utility>

#include "sim/invariants.hpp"
#include "sim/rest_seen.hpp"

namespace atl::sim {

using namespace protocol;

namespace {

class VersionsAreUnique : public Invariant {
 public:
  char const* name() const override { return "9 a version is one Theta"; }

  std::string see(Happening const& happening, double) override {
    if (auto const* recalled = std::get_if<Recalled>(&happening)) {
      newest_[recalled->commit->fragment] = recalled->commit->version;
      thetas_[{recalled->commit->fragment, recalled->commit->version}] = recalled->theta;
    } else if (auto const* made = std::get_if<Published>(&happening)) {
      if (!made->is_finite) return fmt::format("Theta of fragment {} is not finite", made->fragment);
      // In a new term the newest is what it was, or has gone on.
      auto& newest = newest_[made->fragment];
      bool const is_same = made->version.commits == newest.commits;
      bool const is_lost =
          made->version.commits < newest.commits || (is_same && thetas_.contains({made->fragment, newest}) &&
                                                     thetas_.at({made->fragment, newest}) != made->theta);
      if (is_lost && (made->taken_from || made->version > newest))
        return fmt::format("shard {} goes on from version {} of fragment {}, and forgets {}", made->shard,
                           made->version.commits, made->fragment, newest.commits);
      auto const taken = taken_.find(made->fragment);
      if (taken != taken_.end() && made->version > taken->second && made->version.term <= taken->second.term)
        return fmt::format("shard {} publishes version {} of fragment {}, which has gone on from {}",
                           made->shard, made->version.commits, made->fragment, taken->second.commits);
      if (made->taken_from) taken_[made->fragment] = *made->taken_from;
      newest = std::max(newest, made->version);
      auto const [known, is_new] = thetas_.try_emplace({made->fragment, made->version}, made->theta);
      auto const former =
          made->taken_from ? thetas_.find({made->fragment, *made->taken_from}) : thetas_.end();
      bool const is_other = former != thetas_.end() && former->second != made->theta;
      if (is_other || (!is_new && known->second != made->theta))
        return fmt::format("shard {} makes another version {} of fragment {}", made->shard,
                           made->version.commits, made->fragment);
    } else if (auto const* adopted = std::get_if<Adopted>(&happening)) {
      auto const known = thetas_.find({adopted->fragment, adopted->version});
      if (known == thetas_.end() || known->second != adopted->theta)
        return fmt::format("site {} takes for version {} of fragment {} what is not", adopted->site,
                           adopted->version.commits, adopted->fragment);
    }
    return {};
  }

 private:
  std::map<std::uint32_t, Version> newest_;  // by fragment
  std::map<std::uint32_t, Version> taken_;   // by fragment: from which the last owner went on
  std::map<std::pair<std::uint32_t, Version>, base::Digest> thetas_;
};

class GhostsHaveNoEffect : public Invariant {
 public:
  char const* name() const override { return "3 what is over has no effect"; }

  std::string see(Happening const& happening, double) override {
    auto const* handled = std::get_if<GhostHandled>(&happening);
    return handled ? handled->effect : "";
  }
};

class RestIsEqual : public Invariant {
 public:
  RestIsEqual(Scenario const& scenario, FaultBoard const& faults)
      : scenario_(scenario),
        rest_(scenario, faults),
        newest_(static_cast<std::size_t>(scenario.outer.fragments)),
        bases_(static_cast<std::size_t>(scenario.layout.sites)) {}

  char const* name() const override { return "5 at rest all are equal"; }

  std::string see(Happening const& happening, double now_s) override {
    rest_.see(happening, now_s);
    if (auto const* made = std::get_if<Published>(&happening)) {
      auto& newest = newest_[made->fragment];
      if (made->version >= newest.first) newest = {made->version, made->theta};
    } else if (auto const* adopted = std::get_if<Adopted>(&happening)) {
      bases_[static_cast<std::size_t>(adopted->site)][adopted->fragment] = {adopted->version, adopted->theta};
    } else if (auto const* started = std::get_if<SiteStarted>(&happening)) {
      bases_[static_cast<std::size_t>(started->site)].clear();
    }
    bool const is_rest =
        std::holds_alternative<RestReached>(happening) || std::holds_alternative<RunOver>(happening);
    return is_rest && rest_.is_complete() ? compare() : "";
  }

 private:
  using Base = std::pair<Version, base::Digest>;

  std::string compare() const {
    // In the synchronous methods a checkpoint catches sites wherever they are.
    if (scenario_.is_synchronous() && !rest_.has_finished()) return {};
    for (Node site = 0; site < scenario_.layout.sites; ++site) {
      if (!rest_.was_healthy(site)) continue;
      for (std::uint32_t p = 0; p < newest_.size(); ++p) {
        if (!rest_.was_healthy(rest_.owner_of(p))) continue;
        auto const& bases = bases_[static_cast<std::size_t>(site)];
        auto const base = bases.find(p);
        // A new owner's first version is the former one's last: sites need not be sent it again.
        bool const is_newest = base != bases.end() && base->second.second == newest_[p].second &&
                               base->second.first.commits == newest_[p].first.commits;
        if (!is_newest)
          return fmt::format("site {} has version {} of fragment {}, the newest is {}", site,
                             base == bases.end() ? 0 : base->second.first.commits, p,
                             newest_[p].first.commits);
      }
    }
    return {};
  }

  Scenario const& scenario_;
  RestSeen rest_;
  std::vector<Base> newest_;                          // by fragment
  std::vector<std::map<std::uint32_t, Base>> bases_;  // by site and fragment
};

}  // namespace

std::unique_ptr<Invariant> versions_are_unique() { return std::make_unique<VersionsAreUnique>(); }

std::unique_ptr<Invariant> ghosts_have_no_effect() { return std::make_unique<GhostsHaveNoEffect>(); }

std::unique_ptr<Invariant> rest_is_equal(Scenario const& scenario, FaultBoard const& faults) {
  return std::make_unique<RestIsEqual>(scenario, faults);
}

}  // namespace atl::sim
