#include "sim/sim_hub.hpp"

#include <utility>

namespace atl::sim {

using namespace protocol;

namespace {

constexpr double snapshot_patience = 30.0;  // in dead_after_s, as in train/hub

}  // namespace

SimHub::SimHub(Stage& stage, std::function<void(Message const&)> to_own_shard)
    : stage_(stage),
      to_own_shard_(std::move(to_own_shard)),
      quiet_(stage.layout().sites, stage.layout().shards, stage.scenario.outer.dead_after_s),
      snapshot_(snapshot_patience * stage.scenario.outer.dead_after_s),
      next_checkpoint_(stage.scenario.checkpoint_every) {}

void SimHub::on_held(Participant who, Held const& held) {
  carry_out(quiet_.on_held(who, held, stage_.now_s()));
}

void SimHub::on_saved(Participant who, Saved const& saved) {
  if (snapshot_.is_open()) return carry_out(snapshot_.on_saved(who, saved));
  carry_out(quiet_.on_saved(who, saved, stage_.now_s()));
}

void SimHub::on_lost(Participant who) {
  carry_out(snapshot_.on_lost(who));
  if (who.kind == Participant::Kind::shard) carry_out(quiet_.on_lost(who, stage_.now_s()));
}

void SimHub::tick(SyncerMachine const& shard) {
  auto const& scenario = stage_.scenario;
  auto const clock = shard.clock();
  auto const progress = scenario.ends_by_itself() ? shard.slowest_step() : clock;
  bool all_sites_live = true;
  for (int site = 0; site < stage_.layout().sites; ++site)
    all_sites_live = all_sites_live && shard.is_live(site);
  carry_out(snapshot_.on_timer(stage_.now_s()));
  if (!quiet_.is_active() && !quiet_.is_over() && !snapshot_.is_open()) {
    if (progress >= scenario.steps) {
      carry_out(quiet_.request(Purpose::finish, clock, stage_.now_s()));
    } else if (next_checkpoint_ > 0 && clock >= next_checkpoint_ && all_sites_live) {
      next_checkpoint_ = clock + scenario.checkpoint_every;
      carry_out(quiet_.request(Purpose::checkpoint, clock, stage_.now_s()));
    } else if (snapshots_ < scenario.snapshots_s.size() &&
               stage_.now_s() >= scenario.snapshots_s[snapshots_] && all_sites_live) {
      begin_snapshot(clock);
    }
  }
  quiet_.on_movement(shard.last_advance_s());
  is_out_of_patience_ = true;
  carry_out(quiet_.on_timer(stage_.now_s()));
  is_out_of_patience_ = false;
}

void SimHub::begin_snapshot(std::uint64_t clock) {
  ++snapshots_;
  stage_.vault.open();
  std::set<Participant> everyone;
  for (Node node = 0; node < stage_.layout().size(); ++node)
    everyone.insert(stage_.layout().participant(node));
  carry_out(snapshot_.begin(clock, std::move(everyone), stage_.now_s()));
}

void SimHub::carry_out(std::vector<SnapshotAction> const& actions) {
  for (auto const& action : actions) {
    if (auto const* cut = std::get_if<BeginCut>(&action)) {
      to_own_shard_(cut->marker);
    } else if (auto const* given_up = std::get_if<GiveUp>(&action)) {
      stage_.trace.line(stage_.now_s(), "hub", "gives a snapshot up: " + given_up->why);
    } else {
      stage_.trace.line(stage_.now_s(), "hub", "seals a snapshot");
      stage_.vault.seal();
    }
  }
}

void SimHub::carry_out(std::vector<QuietAction> const& actions) {
  for (auto const& action : actions) {
    if (auto const* send = std::get_if<SendToAll>(&action)) {
      if (auto const* hold = std::get_if<Hold>(&send->message)) stage_.see(RestAsked{hold->purpose});
      if (std::holds_alternative<Save>(send->message)) stage_.see(RestReached{!is_out_of_patience_});
      if (std::holds_alternative<Go>(send->message)) stage_.see(RestOver{});
      send_to_all(send->message);
    } else if (auto const* given_up = std::get_if<GiveUp>(&action)) {
      stage_.trace.line(stage_.now_s(), "hub", "gives up: " + given_up->why);
    }
  }
}

void SimHub::send_to_all(Message const& message) {
  auto const& layout = stage_.layout();
  for (Node node = 0; node < layout.size(); ++node) {
    if (node != layout.shard(0)) stage_.send(layout.shard(0), node, message);
  }
  stage_.note(layout.shard(0), message);
  to_own_shard_(message);
}

}  // namespace atl::sim
