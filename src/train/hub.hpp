// What shard 0 does beside being a shard: it decides when the run rests, saves and ends, and it alone writes
// the metrics, the status and the console.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <set>
#include <string>
#include <vector>

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
  bool all_sites_live = false;     // healthy, and have begun to train
  double last_advance_s = 0.0;     // at rest: when a site was last seen to move
  std::string waiting_for;
};

class Hub {
 public:
  // `to_own_shard` hands a command (Hold, Save, Go, Marker) to the shard that lives in this process.
  Hub(RunPlan const& plan, RunFolder folder, std::optional<ResumePoint> const& resume, bool shows_progress,
      transport::Transport& transport, double start_s,
      std::function<void(protocol::Message const&)> to_own_shard);

  // Whatever ends this process: its lines are not lost with a snapshot that was open.
  ~Hub() { end_snapshot(); }
  Hub(Hub const&) = delete;
  Hub& operator=(Hub const&) = delete;

  // A line of someone's metrics. Of one whose state is recorded for a checkpoint that is not sealed yet, it
  // is written after the line of that, since a resume does again what it tells.
  void record(protocol::Participant who, std::string const& metrics_line);
  void on_held(protocol::Participant who, protocol::Held const& held, double now_s);
  void on_saved(protocol::Participant who, protocol::Saved const& saved, double now_s);
  // `who` has recorded its state.
  void on_marker(protocol::Participant who, protocol::Marker const& marker);
  void on_stop_requested();
  bool is_coming_to_rest() const { return quiet_.is_active(); }
  // Its process is gone. True: it is wanted back.
  bool on_lost(protocol::Participant who, double now_s);
  bool is_wanted_back(int site) const;
  // It begins one, lost or not: what it was recording for a snapshot nobody ends. False: too late, the run
  // ends without it.
  bool on_new_life(int site, double now_s);
  // It is back.
  void on_return(int site);
  // The run cannot go on, but can be resumed if it has a checkpoint: the status says so.
  void abandon(std::string const& why, double now_s);
  // It hangs: exit code 4, whether it can be resumed or not.
  void abandon_hung(std::string const& why, double now_s);
  // Called often: starts a checkpoint, the stop or the end when it is time, and keeps the console alive.
  void tick(Standing const& standing, double now_s);

  std::optional<double> next_timer_s() const;
  // The last lines of metrics, status and console. Returns what the program exits with.
  base::ExitCode end(double now_s);

 private:
  bool is_ending() const { return quiet_.is_active() || quiet_.is_over(); }
  void end_early(std::string const& why, std::string const& outcome, base::ExitCode exit_code, double now_s);
  void request(protocol::Purpose purpose, double now_s);
  bool is_checkpoint_due(double now_s) const;
  void schedule_checkpoint(double now_s);
  void begin_snapshot(double now_s);
  void end_snapshot();
  void write(std::string const& metrics_line);
  std::uint64_t next_label() const;
  std::set<protocol::Participant> everyone() const;  // but the lost
  void carry_out(std::vector<protocol::QuietAction> const& actions, double now_s);
  void carry_out(std::vector<protocol::SnapshotAction> const& actions, double now_s);
  void give_up(std::string const& why, double now_s);
  Status running() const;
  void tell_status() const;
  void start_set(std::uint64_t step);
  void send_to_all(protocol::Message const& message);
  bool can_go_on_without(std::vector<protocol::Participant> const& missing) const;
  void seal(protocol::Seal const& seal, double now_s);
  void watch_for_stall(std::string const& waiting_for, double now_s);

  RunPlan const& plan_;
  RunFolder folder_;
  transport::Transport& transport_;
  double start_s_;
  double stop_s_;  // when its time is over
  std::function<void(protocol::Message const&)> to_own_shard_;

  MetricsFile metrics_;
  std::optional<TensorBoard> tensorboard_;
  Console console_;
  protocol::QuietPoint quiet_;
  protocol::Snapshot snapshot_;
  std::set<protocol::Participant> recorded_;  // for the snapshot that is open
  std::vector<std::string> later_lines_;      // theirs, since
  std::set<protocol::Participant> lost_;
  bool stop_wanted_ = false;

  std::uint64_t clock_ = 0;
  std::uint64_t called_at_ = 0;              // the clock, when everyone was asked to rest
  std::optional<std::uint64_t> last_label_;  // of any set that was begun
  std::uint64_t next_checkpoint_ = 0;        // clock step; 0: none
  double next_checkpoint_s_ = 0.0;           // 0: none
  bool is_checkpoint_late_ = false;
  double requested_s_ = 0.0;
  double elapsed_before_s_ = 0.0;  // in the parts of the run before this resume
  double last_commit_s_;
  std::uint64_t commits_ = 0;
  std::string newest_set_;
  std::string failure_;                                    // why the last state could not be saved
  protocol::Purpose purpose_ = protocol::Purpose::finish;  // of the last hold
};

}  // namespace atl::train
