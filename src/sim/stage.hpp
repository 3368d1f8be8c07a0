// What the nodes of a simulated run find around them.
#pragma once

#include "sim/event_queue.hpp"
#include "sim/fault.hpp"
#include "sim/network.hpp"
#include "sim/problem.hpp"
#include "sim/recorder.hpp"
#include "sim/saved_run.hpp"
#include "sim/scenario.hpp"
#include "sim/trace.hpp"
#include "sim/watch.hpp"
#include "sim/words.hpp"

namespace atl::sim {

struct Stage {
  Scenario const& scenario;
  Problem const& problem;
  EventQueue& events;
  FaultBoard& faults;
  Network& network;
  Watch& watch;
  Trace& trace;
  Draws& draws;  // of the sites
  Vault& vault;
  Recorder* recorder;  // null: nothing is taped

  Layout const& layout() const { return scenario.layout; }
  double now_s() const { return events.now_s(); }
  void see(Happening const& happening) {
    vault.see(happening);
    if (recorder) recorder->see(happening);
    watch.see(happening, now_s());
  }
  void send(Node from, Node to, protocol::Message message, Parcel parcel = {}) {
    network.send(from, to, std::move(message), std::move(parcel));
  }
  // What a machine was told to do, for the trace.
  template <class Action>
  void note(Node who, Action const& action) {
    if (trace.is_on()) trace.line(now_s(), layout().name(who), describe(action));
  }
};

}  // namespace atl::sim
