// The invariants about versions: what they are, where they are, and who may move them.
#include <fmt/format.h>

#include <map>
#include <utility>

#include "sim/invariants.hpp"

namespace atl::sim {

using namespace protocol;

namespace {

class VersionsAreUnique : public Invariant {
 public:
  char const* name() const override { return "9 a version is one Theta"; }

  std::string see(Happening const& happening, double) override {
    if (auto const* made = std::get_if<Published>(&happening)) {
      if (!made->is_finite) return fmt::format("Theta of fragment {} is not finite", made->fragment);
      auto const [known, is_new] = thetas_.try_emplace({made->fragment, made->version}, made->theta);
      if (!is_new && known->second != made->theta)
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
        faults_(faults),
        newest_(static_cast<std::size_t>(scenario.outer.fragments)),
        bases_(static_cast<std::size_t>(scenario.layout.sites)) {}

  char const* name() const override { return "5 at rest all are equal"; }

  std::string see(Happening const& happening, double now_s) override {
    if (auto const* made = std::get_if<Published>(&happening)) {
      newest_[made->fragment] = {made->version, made->theta};
    } else if (auto const* adopted = std::get_if<Adopted>(&happening)) {
      bases_[static_cast<std::size_t>(adopted->site)][adopted->fragment] = {adopted->version, adopted->theta};
    } else if (auto const* started = std::get_if<SiteStarted>(&happening)) {
      bases_[static_cast<std::size_t>(started->site)].clear();
    } else if (auto const* asked = std::get_if<RestAsked>(&happening)) {
      purpose_ = asked->purpose;
      asked_s_ = now_s;
      is_complete_ = false;
    } else if (auto const* reached = std::get_if<RestReached>(&happening)) {
      is_complete_ = reached->is_complete;
      if (is_complete_) return compare();
    } else if (std::holds_alternative<RunOver>(happening) && is_complete_) {
      return compare();
    }
    return {};
  }

 private:
  using Base = std::pair<Version, base::Digest>;

  bool was_healthy(Node node) const {
    return faults_.clean_since_s(node) <= asked_s_ - 2.0 * scenario_.outer.dead_after_s;
  }

  std::string compare() const {
    // In the synchronous methods a checkpoint catches sites wherever they are.
    if (scenario_.is_synchronous() && purpose_ != Purpose::finish) return {};
    for (Node site = 0; site < scenario_.layout.sites; ++site) {
      if (!was_healthy(site)) continue;
      for (std::uint32_t p = 0; p < newest_.size(); ++p) {
        if (!was_healthy(scenario_.layout.owner_of(p))) continue;
        auto const& bases = bases_[static_cast<std::size_t>(site)];
        auto const base = bases.find(p);
        if (base == bases.end() || base->second != newest_[p])
          return fmt::format("site {} has version {} of fragment {}, the newest is {}", site,
                             base == bases.end() ? 0 : base->second.first.commits, p,
                             newest_[p].first.commits);
      }
    }
    return {};
  }

  Scenario const& scenario_;
  FaultBoard const& faults_;
  std::vector<Base> newest_;                          // by fragment
  std::vector<std::map<std::uint32_t, Base>> bases_;  // by site and fragment
  Purpose purpose_ = Purpose::checkpoint;
  double asked_s_ = 0.0;
  bool is_complete_ = false;
};

}  // namespace

std::unique_ptr<Invariant> versions_are_unique() { return std::make_unique<VersionsAreUnique>(); }

std::unique_ptr<Invariant> ghosts_have_no_effect() { return std::make_unique<GhostsHaveNoEffect>(); }

std::unique_ptr<Invariant> rest_is_equal(Scenario const& scenario, FaultBoard const& faults) {
  return std::make_unique<RestIsEqual>(scenario, faults);
}

}  // namespace atl::sim
