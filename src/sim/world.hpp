// One simulated run: sites, shards and the network between them under a virtual clock, everything decided by
// one seed. The same machines run here as in real jobs; only their drivers are other ones (sim_site,
// sim_shard, sim_hub), which do what train/ does.
//
// How to add to it:
// - a kind of fault: FaultKind, a weight in StormFaultsSection and its key, draw_fault() in scenario.cpp, and
//   its effect in World::begin / World::end or in Network;
// - an invariant: see watch.hpp; what it must be told is a Happening;
// - mutations: a scenario with a switch that src/protocol reads in a test-only build; the storm must find it.
#pragma once

#include <deque>
#include <map>
#include <vector>

#include "sim/sim_shard.hpp"
#include "sim/sim_site.hpp"
#include "sim/stage.hpp"

namespace atl::sim {

struct Outcome {
  std::optional<Violation> violation;
  std::uint64_t events = 0;
  std::uint64_t faults = 0;    // that began
  std::uint64_t restarts = 0;  // runs that went on from a snapshot
  std::uint64_t replays = 0;   // runs that were told again from their tapes
  std::uint64_t replayed_versions = 0;
  double end_s = 0.0;
  double loss = 0.0;  // mean over the sites, at their own targets
  Coverage coverage{};
  base::Digest digest;                                // of all that was sent
  std::map<protocol::Reason, std::uint64_t> refused;  // contributions, by the shards' gates
};

class World {
 public:
  // `from`: once more, from the snapshot of a run. `recorder`: is told what happens. `problem`: in place of
  // the quadratic.
  World(Scenario scenario, Trace& trace, SavedRun const* from = nullptr, Recorder* recorder = nullptr,
        Problem const* problem = nullptr);
  World(World const&) = delete;
  World& operator=(World const&) = delete;

  // Until every site has left, or an invariant is broken.
  Outcome run();
  std::optional<SavedRun> const& snapshot() const { return vault_.sealed(); }  // the last that was sealed

 private:
  void start();
  void go_on();
  void recall(MadeVersion const& made);
  void happen(Event const& event);
  void deliver(std::uint32_t channel);
  void begin(std::size_t fault);
  void end(std::size_t fault);
  void plan_fault(Fault const& fault);
  void spring_ambushes();
  bool can_begin(Fault const& fault) const;
  void resume(Node node);
  bool is_done(Node site) const;
  bool is_over() const;
  double limit_s() const;
  double mean_loss() const;

  Scenario scenario_;
  Quadratic quadratic_;
  EventQueue events_;
  FaultBoard faults_;
  Network network_;
  Watch watch_;
  Trace& trace_;
  Draws draws_;
  Vault vault_;
  Stage stage_;
  SavedRun const* from_;
  std::deque<SimSite> sites_;
  std::deque<SimShard> shards_;
  std::vector<Fault> planned_;    // faults of the scenario, and what follows from them
  std::vector<bool> is_on_;       // each of them, now
  std::vector<Ambush> ambushes_;  // to come
  std::uint64_t begun_ = 0;
};

}  // namespace atl::sim
