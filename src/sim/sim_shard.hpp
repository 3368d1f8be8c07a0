// A shard of a simulated run: drives a SyncerMachine as train/syncer_run does.
//
// Shards take one another's fragments over, when one is lost, or silent and the sites promise. A lost shard
// does not come back.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "protocol/snapshot.hpp"
#include "protocol/syncer_machine.hpp"
#include "sim/shard_values.hpp"
#include "sim/sim_hub.hpp"
#include "sim/stage.hpp"

namespace atl::sim {

class SimShard {
 public:
  // `from`: it goes on from what it recorded; null: from the beginning.
  SimShard(Stage& stage, int shard, SavedShard const* from);

  void start();
  void lose();
  void receive(Frame frame);
  // The transport's word: that life of the node is over.
  void on_gone(Node who, std::uint64_t life);
  // The event planned under this ticket.
  void on_timer(std::uint64_t ticket);
  // After a stall: what was missed is done now.
  void resume();

  bool is_over() const { return hub_ && hub_->is_over(); }
  bool is_alive() const { return is_alive_; }
  protocol::SyncerMachine const& machine() const { return machine_; }
  std::size_t held_payloads() const { return held_.size(); }

 private:
  void dispatch(Frame const& frame);
  bool is_ghost(Frame const& frame) const;
  void handle_ghost(Frame const& frame);
  std::vector<protocol::SyncerAction> hand_over(protocol::SyncerMachine& machine, Frame const& frame,
                                                protocol::PayloadHandle payload);
  protocol::PayloadHandle keep(Frame const& frame);
  void on_hello(Node site, protocol::Hello const& hello);
  void on_command(protocol::Message const& message);
  void on_marker(protocol::Marker marker);
  void close_cut_if_complete();
  void load(SavedShard const& from);
  void carry_out(std::vector<protocol::SyncerAction> const& actions);
  void commit(protocol::Commit const& commit);
  void install(protocol::InstallReplica const& taken);
  void publish(std::uint32_t fragment, protocol::Version version,
               std::optional<protocol::Version> taken_from = {});
  void publish_seat(std::uint32_t seat);
  Parcel take(protocol::PayloadHandle payload);
  void answer_hub(protocol::Message message);
  void after_event();
  Node self() const { return stage_.layout().shard(shard_); }

  Stage& stage_;
  int shard_;
  protocol::SyncerMachine machine_;
  ShardValues values_;
  std::map<protocol::PayloadHandle, Parcel> held_;
  std::map<protocol::PayloadHandle, protocol::Version> replicas_;  // what they are of
  std::map<std::uint32_t, protocol::Version> published_;           // the newest that others know, by fragment
  protocol::PayloadHandle last_handle_ = 0;
  std::vector<std::uint64_t> lives_;  // of the sites: what is of an earlier one is over
  bool is_alive_ = true;
  protocol::CutRecorder cut_;
  std::optional<SavedShard> saved_;     // of the snapshot under way
  std::optional<protocol::Hold> hold_;  // until Go
  bool is_at_rest_ = false;             // as it was told last
  std::optional<double> timer_s_;       // planned
  std::uint64_t ticket_ = 0;            // of the timer to come
  bool overslept_ = false;              // a timer came while the shard was stalled
  std::optional<SimHub> hub_;           // shard 0
};

}  // namespace atl::sim
