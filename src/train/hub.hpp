// What shard 0 does beside being a shard: it decides when the run rests, saves and ends, and it alone writes
// the metrics, the status and the console.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "protocol/snapshot.hpp"
#include "train/checkpoints.hpp"
#include "train/console.hpp"
#include "train/metrics.hpp"
#include "train/run_folder.hpp"
#include "train/run_plan.hpp"
#include "train/tensorboard.hpp"
#include "transport/transport.hpp"

namespace atl::train {

// How far the run is, as the shard of this process sees it.
struct Standing {
  std::uint64_t clock = 0;
  std::uint64_t slowest_step = 0;  // of the live sites
  bool all_sites_live = false;
  double last_advance_s = 0.0;  // at rest: when a site was last seen to move
  std::string waiting_for;
};

class Hub {
 public:
  // `to_own_shard` hands a command (Hold, Save, Go, Marker) to the shard that lives in this process.
  Hub(RunPlan const& plan, RunFolder folder, std::optional<ResumePoint> const& resume, bool shows_progress,
      transport::Transport& transport, double start_s,
      std::function<void(protocol::Message const&)> to_own_shard);

  void record(std::string const& metrics_line);
  void on_held(protocol::Participant who, protocol::Held const& held, double now_s);
  void on_saved(protocol::Participant who, protocol::Saved const& saved, double now_s);
  void on_stop_requested();
  // Called often: starts a checkpoint, the stop or the end when it is time, and keeps the console alive.
  void tick(Standing const& standing, double now_s);

  std::optional<double> next_timer_s() const;
  // The last lines of metrics, status and console. Returns what the program exits with.
  base::ExitCode end(double now_s);

 private:
  void request(protocol::Purpose purpose, double now_s);
  bool is_checkpoint_due(double now_s) const;
  void schedule_checkpoint(double now_s);
  void begin_snapshot(double now_s);
  std::uint64_t next_label() const;
  void carry_out(std::vector<protocol::QuietAction> const& actions, double now_s);
  void carry_out(std::vector<protocol::SnapshotAction> const& actions, double now_s);
  void give_up(std::string const& why, double now_s);
  void start_set(std::uint64_t step);
  void send_to_all(protocol::Message const& message);
  void seal(protocol::Seal const& seal, double now_s);
  void watch_for_stall(std::string const& waiting_for, double now_s);

  RunPlan const& plan_;
  RunFolder folder_;
  transport::Transport& transport_;
  double start_s_;
  std::function<void(protocol::Message const&)> to_own_shard_;

  MetricsFile metrics_;
  std::optional<TensorBoard> tensorboard_;
  Console console_;
  protocol::QuietPoint quiet_;
  protocol::Snapshot snapshot_;
  bool stop_wanted_ = false;

  std::uint64_t clock_ = 0;
  std::uint64_t last_set_ = 0;         // the step that the newest set is named after
  std::uint64_t next_checkpoint_ = 0;  // clock step; 0: none
  double next_checkpoint_s_ = 0.0;     // 0: none
  double requested_s_ = 0.0;
  double elapsed_before_s_ = 0.0;  // in the parts of the run before this resume
  double last_commit_s_;
  std::uint64_t commits_ = 0;
  std::string newest_set_;
  std::string failure_;                                    // why the last state could not be saved
  protocol::Purpose purpose_ = protocol::Purpose::finish;  // of the last hold
};

}  // namespace atl::train
