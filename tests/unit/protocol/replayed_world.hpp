// The first life of a world once more, from its tapes: sites and shards take turns in an order drawn by a
// seed, and tallies stand for parameters, as in world.hpp.
#pragma once

#include <deque>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "protocol/replaying_syncer.hpp"
#include "world.hpp"

namespace atl::test {

// What the tapes of one life tell.
struct LifeTold {
  std::vector<protocol::SiteStory> sites;
  std::vector<protocol::TapedLife> shards;
};
using Tapes = std::map<protocol::Participant, std::vector<protocol::TapeEntry>>;
std::vector<LifeTold> lives_told(Tapes const& tapes, WorldOptions const& options);

class ReplayedWorld {
 public:
  ReplayedWorld(LifeTold const& life, WorldOptions const& options, std::size_t capacity, std::uint64_t seed);

  // Empty, or what came out otherwise than it is on the tapes.
  std::string run();
  protocol::Reach const& reach() const { return reach_; }

 private:
  struct Site {
    protocol::SiteMachine machine;
    std::vector<Tally> theta, base, snapshot;  // by fragment
    std::vector<protocol::TapedBoundary> boundaries;
    std::vector<protocol::TapedBase> bases;  // in order, to compare with
    std::size_t boundary = 0, adopted = 0;
    std::map<std::pair<std::uint32_t, protocol::Version>, Tally> arrived;
  };
  struct Mail {
    int site = 0;
    protocol::Message message;
    Tally payload;
  };
  struct Shard {
    protocol::ReplayingSyncer syncer;
    std::map<std::uint32_t, Tally> theta;
    std::map<std::pair<std::uint32_t, protocol::Version>, Tally> versions;
    std::vector<protocol::TapedCommit> commits;
    std::size_t committed = 0;
    std::deque<Mail> mail;
    std::map<protocol::PayloadHandle, Tally> held;
    protocol::PayloadHandle last_handle = 0;
  };

  bool can_step(std::size_t m) const;
  void step(std::size_t m);
  void take_mail(Shard& shard);
  void act(Shard& shard, std::vector<protocol::ReplayAction> const& actions);
  void differ(std::string const& what);

  LifeTold const& life_;
  WorldOptions options_;
  std::size_t capacity_;
  protocol::Reach reach_;
  std::vector<Site> sites_;
  std::vector<Shard> shards_;
  std::string difference_;
};

}  // namespace atl::test
