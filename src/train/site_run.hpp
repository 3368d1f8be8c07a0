// The life of one rank of a site: trains its part of every step, and at the boundaries does what the
// SiteMachine says. The leader (rank 0) alone talks to the shards.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <vector>

#include "base/exit_code.hpp"
#include "comm/world.hpp"
#include "data/token_stream.hpp"
#include "data/validation_set.hpp"
#include "model/transformer.hpp"
#include "optim/inner_optimizer.hpp"
#include "protocol/site_machine.hpp"
#include "train/checkpoints.hpp"
#include "train/record.hpp"
#include "train/replica.hpp"
#include "train/run_plan.hpp"

namespace atl::train {

class SiteRun {
 public:
  // `transport`: the leader's; null on the other ranks.
  SiteRun(RunPlan const& plan, RunFolder const& folder, std::optional<ResumePoint> const& resume,
          comm::World const& world, transport::Transport* transport, double start_s);

  // Collective over the site. Until the hub says that the run is over.
  base::ExitCode run();

 private:
  // In the order of a step.
  void training_step();
  RankShare compute_gradients();
  void pace();
  void update_parameters(Record const& record);
  void cross_boundary(std::optional<protocol::StepDone> const& done, Record const& record);
  void report_step(Record const& record);
  void evaluate_if_due();

  void idle_boundary();  // no step: waits for events and acts on them

  // The protocol's actions.
  void carry_out(protocol::SiteAction const& action);
  void adopt(protocol::Adopt const& adopt);
  void contribute(protocol::Contribution const& contribution);
  void write_state(protocol::Save const& save);

  // The leader's channel; no-ops on other ranks.
  void join();
  void collect_events();
  void accept(transport::Frame frame);
  void drop_older_release(protocol::Release const& newer);
  void send_progress();
  void report(std::string const& metrics_line);
  void say_goodbye();

  void initialize_parameters();
  void load(ResumePoint const& resume);
  void save_parameters(base::Writer& writer) const;
  void load_parameters(base::Reader const& reader);
  void evaluate_outer_parameters(bool is_final);
  bool is_leader() const { return site_.rank() == 0; }
  bool is_cut_off() const;

  RunPlan const& plan_;
  RunFolder folder_;
  int number_;  // of this site
  comm::Communicator const& site_;
  transport::Transport* transport_;
  double start_s_;

  kernels::Exec exec_;
  Replica replica_;
  model::Transformer model_;
  optim::InnerOptimizer optimizer_;
  data::TokenStream stream_;
  std::optional<data::ValidationSet> validation_;  // site 0
  protocol::SiteMachine machine_;

  std::deque<protocol::SiteEvent> events_;  // the leader's, not yet in a record
  std::map<protocol::PayloadHandle, transport::Payload> payloads_;
  protocol::PayloadHandle last_handle_ = 0;
  std::optional<protocol::Progress> last_progress_;

  double last_record_s_ = 0.0;
  double last_lr_ = 0.0;
  std::uint64_t tokens_ = 0;                               // of the site, since the start of the run
  protocol::Purpose purpose_ = protocol::Purpose::finish;  // of the last hold
  bool stop_requested_ = false;                            // by any rank of the site
  bool has_left_ = false;
};

}  // namespace atl::train
