// A site of a run that is told again: what it hears comes from its tapes, and only payloads from the others,
// waited for where they are used. One life after the other.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "protocol/site_story.hpp"
#include "protocol/tape_check.hpp"
#include "sim/recorder.hpp"
#include "sim/replay_stage.hpp"
#include "sim/site_values.hpp"

namespace atl::sim {

class ReplayedSite {
 public:
  ReplayedSite(ReplayStage& stage, int site) : stage_(stage), site_(site) {}

  // A life, after those before. The story outlives the site.
  void add(protocol::SiteStory const& story);
  void start() { plan_boundary(); }
  void receive(Frame frame);
  void cross_boundary();

  std::vector<std::string> differences() const;

 private:
  struct Life {
    protocol::SiteStory const& story;
    std::vector<protocol::TapedBoundary> boundaries;
    protocol::SiteMachine machine;
    SiteValues values;
    protocol::TapeCheck check;
    std::size_t next = 0;  // boundary
    bool has_trained = false;
  };
  using Release = std::pair<std::uint32_t, protocol::Version>;  // by fragment

  Life* life();  // nullptr: all are over
  void plan_boundary();
  bool is_all_here();
  protocol::StepDone take_step(Life& life);
  void carry_out(Life& life, protocol::SiteAction const& action);
  void adopt(Life& life, protocol::Adopt const& adopt);
  void contribute(Life& life, protocol::Contribute const& asked);

  ReplayStage& stage_;
  int site_;
  std::deque<Life> lives_;
  std::size_t now_ = 0;  // which of them
  bool waits_ = false;   // for what the next boundary needs
  std::map<Release, Parcel> releases_;
  std::set<std::pair<std::uint64_t, std::uint64_t>> states_;  // of donors: for which life, of which step
};

}  // namespace atl::sim
