// The life of one shard: drives a SyncerMachine with what arrives and carries its actions out on the outer
// model.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <vector>

#include "protocol/snapshot.hpp"
#include "protocol/syncer_machine.hpp"
#include "protocol/tape.hpp"
#include "train/chaos.hpp"
#include "train/crew.hpp"
#include "train/hub.hpp"
#include "train/outer_model.hpp"
#include "train/state_writer.hpp"
#include "train/trace.hpp"

namespace atl::train {

class SyncerRun {
 public:
  struct Links {
    transport::Transport& transport;
    protocol::Tape* tape = nullptr;  // null where nothing is taped
    Chaos* chaos = nullptr;          // null where no faults are scripted
    Crew crew;
    std::uint64_t life = 1;  // of the run
  };

  SyncerRun(RunPlan const& plan, RunFolder const& folder, std::optional<ResumePoint> const& resume,
            bool shows_progress, int shard, Links links, Trace& trace, double start_s);
  // Before run(): what its tape begins with, as far as it is known outside.
  void tape_start(protocol::TapedStart start);

  // Until every site has said good-bye. What shard 0 returns is the outcome of the run.
  base::ExitCode run();
  // What a shard held of a site when it was saved, coded again.
  static transport::Payload load_payload(RunPlan const& plan, ShardFiles const& files, int site,
                                         protocol::Contribution const& contribution);
  // A contribution that was on its way at the cut of a snapshot.
  struct InFlight {
    int site = 0;
    protocol::Contribution contribution;  // as it was sent
    transport::Payload payload;
  };
  // Those to a shard's fragments, of the snapshot that a run goes on from.
  static std::vector<InFlight> in_flight_of(RunPlan const& plan, ResumePoint const& resume, int shard);
  bool has_everyone_left() const;

 private:
  struct Held {  // a contribution waiting for its round to close
    transport::Payload payload;
    std::uint64_t wire_bytes = 0;
    protocol::TapedContribution from;
    protocol::Reason refused = protocol::Reason::none;
  };

  void load(ResumePoint const& resume);
  Standing standing() const;
  // In syncer_run_losses.cpp.
  void on_loss(transport::Loss const& loss);
  void on_site_loss(int site, bool is_last);
  void tell_of_silence(double now_s);
  void man_again(int site);
  void man(int site, std::uint64_t incarnation);
  void check_that_somebody_moves(double now_s);
  void on_corruption(Corrupted const& what);
  void dispatch(transport::Frame const& frame);
  void on_hello(int site, protocol::Hello const& hello);
  void on_contribution(transport::Frame const& frame);
  void report_refusals();
  void note_refusal(int site, protocol::Reason reason);
  void on_command(protocol::Message const& message);
  void report_when_quiet();
  void write_state(protocol::Save const& save);
  void record_machine_and_model(base::Writer& writer) const;
  void end_state();
  // Of a snapshot.
  void on_marker(protocol::Marker const& marker);
  void pass_on(protocol::Marker marker);
  void strike_off(int site);
  void close_cut_if_complete();
  void end_cut();
  void load_in_flight(ResumePoint const& resume);
  void save_payloads(base::Writer& writer) const;
  void save_in_flight(base::Writer& writer) const;
  void answer_hub(protocol::Message message);
  void report(std::string const& metrics_line);

  void carry_out(std::vector<protocol::SyncerAction> const& actions);
  void commit(protocol::Commit const& commit);
  // In syncer_run_losses.cpp.
  void on_word_of_shard(transport::Frame const& frame);
  void install(protocol::InstallReplica const& taken);
  void tape_terms(protocol::Seat const& seat);
  void tape_taken(std::uint32_t fragment, protocol::Version const& from, bool by_replica);
  void discard(protocol::PayloadHandle payload);
  void tape_commit(protocol::Commit const& commit);

  RunPlan const& plan_;
  RunFolder folder_;
  int shard_;
  transport::Transport& transport_;
  protocol::Tape* tape_;
  Chaos* chaos_;
  Crew crew_;
  std::uint64_t life_;
  Trace& trace_;
  double start_s_;
  std::string agreement_;

  protocol::SyncerMachine machine_;
  std::optional<OuterModel> model_;  // none where nothing is exchanged
  std::map<protocol::PayloadHandle, Held> held_;
  struct HeldReplica {
    transport::Payload payload;
    protocol::Version version;
    base::Digest digest;  // of the payload as it came
  };
  std::map<protocol::PayloadHandle, HeldReplica> replicas_;  // of other shards' fragments
  protocol::PayloadHandle last_handle_ = 0;

  protocol::CutRecorder cut_;
  StateWriter states_{folder_};
  std::vector<InFlight> in_flight_;
  std::vector<protocol::TapedContribution> begun_in_flight_;  // at the start of this life
  std::map<std::uint32_t, protocol::Version> taped_;          // by fragment: the newest on the tape

  std::optional<protocol::Hold> hold_;  // until Go
  bool is_at_rest_ = false;             // as the hub was told last
  bool is_over_ = false;
  bool told_of_stop_ = false;
  std::set<transport::Peer> present_;        // who must say good-bye
  std::set<int> silent_;                     // sites that are there and say nothing
  std::set<int> called_;                     // sites that were manned again and have said nothing yet
  std::map<int, int> attempts_;              // to man a site, without a word from it
  std::vector<std::uint64_t> incarnations_;  // of the sites, the last that was heard of
  std::vector<std::uint64_t> steps_;         // of each site, as last told
  double last_step_s_;                       // when one of them changed
  double last_heard_s_;
  std::optional<Hub> hub_;  // shard 0
};

}  // namespace atl::train
