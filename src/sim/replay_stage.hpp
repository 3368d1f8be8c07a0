// What the nodes of a run that is told again find around them.
#pragma once

#include "sim/network.hpp"
#include "sim/problem.hpp"
#include "sim/recorder.hpp"
#include "sim/saved_run.hpp"
#include "sim/scenario.hpp"

namespace atl::sim {

struct ReplayStage {
  Scenario const& scenario;
  Problem const& problem;
  Recording const& recording;
  SavedRun const* snapshot;  // that the run went on from; null: it began
  EventQueue& events;
  Network& network;
  Draws& draws;  // of the sites

  Layout const& layout() const { return scenario.layout; }
  void send(Node from, Node to, protocol::Message message, Parcel parcel = {}) {
    network.send(from, to, std::move(message), std::move(parcel));
  }
};

}  // namespace atl::sim
