// A shard that decides nothing: it takes the commits from its tape, in order, each as soon as the
// contributions named in it are there. Pure, as SyncerMachine, whose actions it returns.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <set>
#include <tuple>
#include <utility>
#include <vector>

#include "protocol/site_story.hpp"
#include "protocol/syncer_action.hpp"

namespace atl::protocol {

class ReplayingSyncer {
 public:
  // As far as `reach` goes. Of the sites only what they adopt of this shard's fragments is taken.
  ReplayingSyncer(TapedLife const& life, std::size_t commits, std::vector<SiteStory> const& sites,
                  std::vector<std::size_t> const& boundaries);

  // The releases that can be sent before anything has come. What the life began with is payload 1, 2, ...
  std::vector<SyncerAction> on_start();
  std::vector<SyncerAction> on_contribution(int site, Contribution const& contribution,
                                            PayloadHandle payload);
  // A site has adopted what it was sent: it gets the next version that its tape names.
  std::vector<SyncerAction> on_progress(int site, Progress const& progress);

  // A release of this version is still to be sent: sites may be behind the commits.
  bool is_wanted(std::uint32_t fragment, Version const& version) const;
  bool has_all_commits() const { return commits_.empty(); }

 private:
  using Key = std::tuple<std::uint32_t, std::uint64_t, std::uint32_t, std::uint64_t>;
  struct Adoptions {
    std::deque<Version> versions;  // in the order of the site's tape
    bool is_sent = false;          // the first of them
  };

  static Key key_of(std::uint32_t site, Contribution const& contribution);
  void commit_what_is_there(std::vector<SyncerAction>& actions);
  void send_releases(std::vector<SyncerAction>& actions);

  std::deque<TapedCommit> commits_;                               // to come
  std::set<Key> named_;                                           // in them
  std::map<Key, PayloadHandle> held_;                             // here already
  std::set<std::pair<std::uint32_t, Version>> made_;              // versions so far
  std::map<std::pair<int, std::uint32_t>, Adoptions> adoptions_;  // by site and fragment
};

}  // namespace atl::protocol
