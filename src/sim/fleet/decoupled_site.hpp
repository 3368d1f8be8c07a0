// A site of a simulated fleet: chips that come and go, and the machine of a real run.
#pragma once

#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

#include "sim/fleet/fleet.hpp"
#include "sim/fleet/fleet_post.hpp"

namespace atl::sim {

// Of a whole site in a step.
inline constexpr std::uint64_t site_tokens = 1 << 20;

// All are alike: there is nothing in them.
inline constexpr protocol::PayloadHandle some_payload = 1;

// What its sites have done, summed over the fleet.
struct FleetTally {
  std::uint64_t tokens = 0;    // trained
  std::uint64_t messages = 0;  // taken in
  double trained_s = 0.0;      // of whole sites
  double able_s = 0.0;         // in which its chips could train
  double waited_s = 0.0;       // of those, standing still
};

class DecoupledSite {
 public:
  struct Surroundings {
    DecoupledConfig const& config;
    Fleet const& fleet;
    EventQueue& events;
    FleetPost& post;
    FleetTally& tally;
  };

  DecoupledSite(Surroundings const& around, int site) : around_(around), site_(site) {}

  // Its first life, or one after a loss.
  void begin();
  // Its chips are in another state. True where its process is gone with them.
  bool change(SiteState const& state);
  void on_boundary(std::uint64_t ticket);
  bool can_train() const { return can_train_; }  // for all that its chips say

 private:
  void vanish();
  void sum_up(bool could_train);
  void plan(double time_s);
  void go_on();
  void carry_out(protocol::SiteAction& action);

  Surroundings around_;
  int site_;
  std::optional<protocol::SiteMachine> machine_;
  std::uint64_t lives_ = 0;
  bool can_train_ = true;
  double share_ = 1.0;            // of its chips
  std::optional<double> step_s_;  // of the step that it is taking
  std::optional<double> left_s_;  // of that step, while its chips stand still
  double summed_up_s_ = 0.0;      // until then able_s and waited_s count
  double planned_s_ = 0.0;        // its next boundary; void unless it has the latest ticket
  std::uint64_t ticket_ = 0;
  std::vector<protocol::SiteEvent> inbox_;
};

}  // namespace atl::sim
