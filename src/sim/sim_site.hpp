// A site of a simulated run: drives a SiteMachine as train/site_run does, a boundary after every step.
//
// One object outlives the site's deaths: lose() ends a life, start() begins the next, which heals from a
// donor before it trains.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <set>
#include <span>

#include "protocol/site_machine.hpp"
#include "sim/site_values.hpp"
#include "sim/stage.hpp"

namespace atl::sim {

class SimSite {
 public:
  SimSite(Stage& stage, int site) : stage_(stage), site_(site) {}

  // A new life: says hello to every shard.
  void start(std::uint64_t incarnation);
  // In the next life, from what it recorded; and then, once the invariants know of what came before.
  void go_on_from(SavedSite const& saved);
  void show_up();
  void lose();
  void depart();
  // Something has changed around it.
  void look();
  void receive(Frame frame);
  // The event planned under this ticket.
  void cross_boundary(std::uint64_t ticket);
  // After a stall: what was missed is done now.
  void resume();

  bool is_alive() const { return life_.has_value(); }
  bool departs() const { return life_ && life_->departs; }
  bool has_left() const { return life_ && life_->has_left; }
  double loss() const { return life_ ? life_->values.loss() : 0.0; }
  protocol::SiteMachine const* machine() const { return life_ ? &life_->machine : nullptr; }

 private:
  struct Life {
    protocol::SiteMachine machine;
    SiteValues values;
    bool lacks_state = false;  // of a donor
    double hello_s = 0.0;
    bool has_trained = false;
    bool is_in_step = false;  // since its last boundary
    std::set<Node> welcomed_by{};
    std::set<std::uint32_t> without_donor{};  // seats whose owner named none
    std::deque<protocol::SiteEvent> inbox{};
    std::map<protocol::PayloadHandle, Parcel> payloads{};
    protocol::PayloadHandle last_handle = 0;
    // The newest whole release of each fragment, for differences to be added to.
    std::map<std::uint32_t, std::pair<protocol::Version, Parcel>> newest{};
    bool departs = false;
    bool has_left = false;
    std::uint64_t last_marker = 0;
  };

  Node self() const { return stage_.layout().site(site_); }
  bool has_joined() const;  // every shard that is there has welcomed it
  bool trains() const;
  void say_hello();
  void plan_boundary(double time_s);
  double step_time_s();
  void take_welcome(Node shard, protocol::Welcome const& welcome);
  protocol::PayloadHandle keep(Parcel parcel);
  bool make_whole(protocol::Release const& release, Parcel& parcel);
  void take_release(protocol::Release const& release, Parcel parcel);
  void carry_out(protocol::SiteAction const& action);
  void adopt(protocol::Adopt const& adopt);
  void contribute(protocol::Contribute const& asked);
  void give_state(protocol::GiveState const& give);
  void take_state(protocol::TakeState const& taken);
  void write_state(protocol::Save const& save);
  void leave();
  void cut(protocol::Marker marker);
  std::vector<protocol::SiteEvent> take_events();
  void note_donors(std::span<protocol::SiteEvent const> events);
  void send_to_shards(protocol::Message const& message);
  void send_to_hub(protocol::Message message);

  Stage& stage_;
  int site_;
  std::optional<Life> life_;
  double step_s_ = 0.0;       // what the step under way takes
  std::uint64_t ticket_ = 0;  // of the boundary to come
  bool overslept_ = false;    // a boundary came while the site was stalled
};

}  // namespace atl::sim
