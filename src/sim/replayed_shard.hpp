// A shard of a run that is told again: the commits of its tape on the contributions of sites that train
// again, as train/replay_shard does.
#pragma once

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "protocol/replaying_syncer.hpp"
#include "protocol/tape_check.hpp"
#include "sim/replay_stage.hpp"
#include "sim/shard_values.hpp"

namespace atl::sim {

class ReplayedShard {
 public:
  // `check`: of the versions that it makes.
  ReplayedShard(ReplayStage& stage, int shard, protocol::ReplayingSyncer syncer, protocol::TapeCheck check);

  // `begun`: the versions that it begins with.
  void start(std::vector<protocol::TapedVersion> const& begun);
  void receive(Frame const& frame);

  std::vector<std::string> differences() const { return check_.differences(); }
  std::size_t compared() const { return check_.compared(); }

 private:
  void carry_out(std::vector<protocol::ReplayAction> const& actions);
  void commit(protocol::Commit const& commit);
  void take(protocol::TakeFragment const& take);
  void publish(std::uint32_t fragment, protocol::Version const& version);

  ReplayStage& stage_;
  int shard_;
  protocol::ReplayingSyncer syncer_;
  protocol::TapeCheck check_;
  ShardValues values_;
  std::map<protocol::PayloadHandle, Parcel> held_;
  protocol::PayloadHandle last_handle_ = 0;
  // What a site is still to get: it may be behind the commits.
  std::map<std::pair<std::uint32_t, protocol::Version>, ShardValues::Bytes> releases_;
};

}  // namespace atl::sim
