// A shard that decides nothing: it takes the commits from its tape, in order, each as soon as the
// contributions named in it are there. Pure, as SyncerMachine, whose actions it returns.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <set>
#include <tuple>
#include <utility>
#include <variant>
#include <vector>

#include "protocol/site_story.hpp"
#include "protocol/syncer_action.hpp"

namespace atl::protocol {

// The fragment is this shard's in a new term: as the replica has it (none: as it is first), or as it stands.
struct TakeFragment {
  TapedTaken taken;
  PayloadHandle payload = 0;
};
using ReplayAction = std::variant<Commit, TakeFragment, SendRelease, SendReplica, DiscardPayload>;

class ReplayingSyncer {
 public:
  // As far as `reach` goes. Of the sites only what they adopt of this shard's fragments is taken, of the
  // other shards which versions they go on from.
  ReplayingSyncer(std::vector<TapedLife> const& shards, std::size_t self, std::vector<SiteStory> const& sites,
                  Reach const& reach);

  // The releases that can be sent before anything has come. What the life began with is payload 1, 2, ...
  std::vector<ReplayAction> on_start();
  std::vector<ReplayAction> on_contribution(int site, Contribution const& contribution,
                                            PayloadHandle payload);
  std::vector<ReplayAction> on_replica(Replica const& replica, PayloadHandle payload);
  // A site has adopted what it was sent: it gets the next version that its tape names.
  std::vector<ReplayAction> on_progress(int site, Progress const& progress);

  // A release of this version is still to be sent: sites may be behind the commits.
  bool is_wanted(std::uint32_t fragment, Version const& version) const;
  bool has_all_commits() const { return changes_.empty(); }

 private:
  using Key = std::tuple<std::uint32_t, std::uint64_t, std::uint32_t, std::uint64_t>;
  using VersionName = std::pair<std::uint32_t, Version>;
  struct Adoption {
    std::uint64_t incarnation = 0;
    Version version;
  };
  struct Adoptions {
    std::deque<Adoption> to_come;  // in the order of the site's tapes
    bool is_sent = false;          // the first of them
  };

  static Key key_of(std::uint32_t site, Contribution const& contribution);
  void expect(SiteStory const& story, std::size_t boundaries, std::set<VersionName> const& own);
  std::optional<ReplayAction> next_change();  // none: something that it needs is not here
  void make(VersionName const& version, std::vector<ReplayAction>& actions);
  void change_what_can_be(std::vector<ReplayAction>& actions);
  void send_releases(std::vector<ReplayAction>& actions);

  std::deque<ShardChange> changes_;                               // to come
  std::set<Key> named_;                                           // in them
  std::map<Key, PayloadHandle> held_;                             // here already
  std::map<VersionName, PayloadHandle> replicas_;                 // likewise
  std::map<VersionName, std::set<int>> heirs_;                    // the shards that go on from a version
  std::set<VersionName> begun_;                                   // with
  std::set<VersionName> made_;                                    // versions so far
  std::map<std::pair<int, std::uint32_t>, Adoptions> adoptions_;  // by site and fragment
};

}  // namespace atl::protocol
