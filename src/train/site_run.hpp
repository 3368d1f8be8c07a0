// The life of one rank of a site: trains its part of every step, and at the boundaries does what the
// SiteMachine says. The leader (rank 0) alone talks to the shards.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <source_location>
#include <span>
#include <string>
#include <vector>

#include "base/error.hpp"
#include "base/exit_code.hpp"
#include "comm/world.hpp"
#include "data/validation_set.hpp"
#include "protocol/site_machine.hpp"
#include "protocol/tape.hpp"
#include "train/chaos.hpp"
#include "train/checkpoints.hpp"
#include "train/crossings.hpp"
#include "train/inner_step.hpp"
#include "train/record.hpp"
#include "train/release_relay.hpp"
#include "train/replica.hpp"
#include "train/run_plan.hpp"
#include "train/site_channel.hpp"
#include "train/state_writer.hpp"
#include "train/trace.hpp"

namespace atl::train {

// The site has gone wrong: all of its ranks begin another life.
struct MustReturn : base::RuntimeFailure {
  explicit MustReturn(std::string const& what, std::source_location where = std::source_location::current())
      : RuntimeFailure(what, where) {}
};

class SiteRun {
 public:
  struct Links {
    std::unique_ptr<SiteChannel> channel;  // the leader's; null on the other ranks
    protocol::Tape* tape = nullptr;        // likewise; null where nothing is taped
    Chaos* chaos = nullptr;                // null where no faults are scripted
    protocol::TapedStart start = {};       // what the tape begins with, as far as it is known outside
    // Of a site that returns within the run: its next life, in which it heals before it trains. 0: none such.
    std::uint64_t incarnation = 0;
    // Of a replay, which writes no state and judges no model: the boundaries that it has, at most.
    std::optional<std::size_t> replayed = {};
    // Of a replay that begins at a snapshot: as it was then, which no set tells in full.
    std::optional<protocol::SiteMachine> machine = {};
    // Of a replay: with how many ranks the site goes on after so many boundaries.
    std::map<std::size_t, int> ranks_left = {};
  };

  // Throws InputError for this site's data, the initial model or the files of the resume point.
  SiteRun(RunPlan const& plan, RunFolder const& folder, std::optional<ResumePoint> const& resume,
          comm::World& world, Links links, Trace& trace, double start_s);

  // Collective over the site. Until the hub says that the run is over. Throws MustReturn, or ProcessLost
  // where a rank is lost and the others cannot go on in this life.
  base::ExitCode run();
  std::uint64_t incarnation() const { return machine_.incarnation(); }
  // What a site had not adopted yet at the cut of the snapshot that a replay begins from.
  static std::vector<SiteChannel::Waiting> on_its_way_to(RunPlan const& plan, ResumePoint const& set,
                                                         int site);

 private:
  void advance();
  // Collective over the ranks that are left. False where they cannot go on with what they have.
  bool can_go_on_with_fewer();
  void go_on_with_these();
  bool is_still_here();
  void check_health(Record const& record);
  void come_to_rest();

  // In the order of a step.
  void training_step();
  RankShare compute_gradients();
  void pace();
  void cross_boundary(std::optional<protocol::StepDone> const& done, Record const& record);
  void report_step(Record const& record);
  void cut_if_asked();
  void evaluate_if_due();

  void idle_boundary();  // no step: waits for events and acts on them

  // The protocol's actions.
  void carry_out(protocol::SiteAction const& action);
  void adopt(protocol::Adopt const& adopt);
  void discard(protocol::PayloadHandle payload);
  void contribute(protocol::Contribute const& asked);
  // A state is recorded in two parts: the second is what was on its way to the site, of which there is
  // nothing at rest. Then it is written while training goes on.
  void begin_state(protocol::Save const& save, checkpoint::Standing standing);
  void end_state(std::span<SiteChannel::Waiting const> on_its_way);
  void record_own_state(base::Writer& writer) const;
  void attend_to_state();  // collective over the site while one is open

  void tape_start(protocol::TapedStart start);
  void tape_ranks();
  void tape_parameters();

  void initialize_parameters();
  void load(ResumePoint const& resume);
  void save_parameters(base::Writer& writer) const;
  void load_parameters(base::Reader const& reader);
  void begin_training_again();
  void give_state(protocol::GiveState const& give);
  void take_state(protocol::TakeState const& taken);
  void evaluate_outer_parameters(bool is_final);
  base::Digest outer_digest() const;
  void collect_events();
  void send_progress();
  void report(std::string const& metrics_line);
  void leave();
  bool is_cut_off() const;
  bool is_over() const { return has_left_ || (replayed_ && crossed_ == *replayed_); }
  double elapsed_s() const;

  RunPlan const& plan_;
  RunFolder folder_;
  int number_;  // of this site
  comm::World& world_;
  comm::Communicator const& site_;
  Trace& trace_;
  double start_s_;
  double step_floor_s_;

  data::Corpus corpus_;
  Replica replica_;
  std::unique_ptr<InnerStep> inner_;
  std::optional<data::ValidationSet> validation_;  // of the sites that evaluate
  protocol::SiteMachine machine_;
  std::unique_ptr<SiteChannel> channel_;  // the leader's
  ReleaseRelay relay_;
  Departures departures_{trace_};
  protocol::Tape* tape_;  // the leader's
  Arrivals arrivals_{plan_, trace_, tape_ != nullptr};
  Chaos* chaos_;
  std::optional<std::size_t> replayed_;
  std::map<std::size_t, int> ranks_left_;      // by boundary
  std::deque<protocol::SiteEvent> no_events_;  // the other ranks'
  std::optional<protocol::Progress> last_progress_;

  // Since the last step's line.
  struct Pauses {
    double wait_s = 0.0, checkpoint_s = 0.0, evaluation_s = 0.0;
  };
  Pauses pauses_;
  double last_record_s_ = 0.0;
  double last_lr_ = 0.0;
  std::size_t crossed_ = 0;                                // boundaries, in this life
  double waited_s_ = 0.0;                                  // for other sites
  std::uint64_t tokens_ = 0;                               // of the site, since the start of the run
  protocol::Purpose purpose_ = protocol::Purpose::finish;  // of the last hold
  bool stop_requested_ = false;                            // by any rank of the site
  std::optional<protocol::Marker> cut_;                    // asked for at this boundary
  StateWriter states_{folder_};
  bool evaluation_due_ = false;
  std::size_t began_training_at_ = 0;  // boundary of this life
  bool is_returning_ = false;          // has not trained in this life, which is not its first
  double hello_s_ = 0.0;
  bool is_torn_ = false;  // in the middle of what all ranks change together
  bool has_left_ = false;
  bool is_out_ = false;  // of a replay: the site goes on with fewer ranks
};

}  // namespace atl::train
