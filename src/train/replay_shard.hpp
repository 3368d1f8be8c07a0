// The life of one shard in a replay: the commits of its tape on the contributions of sites that train again.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <utility>

#include "protocol/replaying_syncer.hpp"
#include "train/checkpoints.hpp"
#include "train/outer_model.hpp"

namespace atl::train {

class ReplayShard {
 public:
  // `tape` is told every version that comes of it. Throws InputError for the files of the resume point.
  ReplayShard(RunPlan const& plan, std::optional<ResumePoint> const& resume, protocol::TapedLife const& life,
              protocol::ReplayingSyncer syncer, transport::Transport& transport, protocol::Tape& tape);

  // Until every site has said good-bye.
  void run();

 private:
  void load(ResumePoint const& resume, protocol::TapedLife const& life);
  void dispatch(transport::Frame const& frame);
  void carry_out(std::vector<protocol::ReplayAction> const& actions);
  void commit(protocol::Commit const& commit);
  void take(protocol::TakeFragment const& seat);
  void publish(int fragment, protocol::Version const& version);

  RunPlan const& plan_;
  protocol::ReplayingSyncer syncer_;
  transport::Transport& transport_;
  protocol::Tape& tape_;
  std::optional<OuterModel> model_;  // none where nothing is exchanged
  std::map<protocol::PayloadHandle, transport::Payload> held_;
  // What a site is still to get: it may be behind the commits.
  std::map<std::pair<std::uint32_t, protocol::Version>, transport::Payload> releases_;
  protocol::PayloadHandle last_handle_ = 0;
  int farewells_ = 0;
};

}  // namespace atl::train
