// What shard 0 of a simulated run does beside being a shard, as train/hub does: when the run rests, saves and
// ends.
#pragma once

#include <functional>
#include <optional>

#include "protocol/quiet_point.hpp"
#include "protocol/snapshot.hpp"
#include "protocol/syncer_machine.hpp"
#include "sim/stage.hpp"

namespace atl::sim {

class SimHub {
 public:
  // `to_own_shard`: shard 0 takes its orders without a message.
  SimHub(Stage& stage, std::function<void(protocol::Message const&)> to_own_shard);

  void on_held(protocol::Participant who, protocol::Held const& held);
  void on_saved(protocol::Participant who, protocol::Saved const& saved);
  void on_lost(protocol::Participant who);
  // After whatever has happened at shard 0.
  void tick(protocol::SyncerMachine const& shard);
  std::optional<double> next_timer_s() const {
    return snapshot_.is_open() ? snapshot_.next_timer_s() : quiet_.next_timer_s();
  }
  bool is_over() const { return quiet_.is_over(); }

 private:
  void carry_out(std::vector<protocol::QuietAction> const& actions);
  void carry_out(std::vector<protocol::SnapshotAction> const& actions);
  void begin_snapshot(std::uint64_t clock);
  void send_to_all(protocol::Message const& message);

  Stage& stage_;
  std::function<void(protocol::Message const&)> to_own_shard_;
  protocol::QuietPoint quiet_;
  protocol::Snapshot snapshot_;
  std::size_t snapshots_ = 0;          // begun
  std::uint64_t next_checkpoint_ = 0;  // on the clock; 0: never
  bool is_out_of_patience_ = false;    // what is done now is done without those who did not come to rest
};

}  // namespace atl::sim
