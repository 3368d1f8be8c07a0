#include "sim/fault.hpp"

#include <algorithm>
#include <limits>
#include <string_view>

namespace atl::sim {

namespace {

// In the order of the enumeration.
constexpr std::array<char const*, fault_kinds> names{"delay",  "duplicate",  "repeat", "damage",
                                                     "poison", "partition",  "stall",  "slow",
                                                     "loss",   "shard_loss", "notice", "rebirth"};

bool is_between(Fault const& fault, Node from, Node to) {
  bool const is_there = fault.node == from || fault.node == to;
  return is_there && (fault.other < 0 || fault.other == from || fault.other == to);
}

}  // namespace

char const* name(FaultKind kind) { return names[static_cast<std::size_t>(kind)]; }

FaultBoard::FaultBoard(int nodes)
    : nodes_(nodes),
      tallies_(static_cast<std::size_t>(nodes)),
      befallen_(static_cast<std::size_t>(nodes)),
      cuts_(static_cast<std::size_t>(nodes * nodes)) {}

void FaultBoard::begin(Fault const& fault, double now_s) {
  on_.push_back(fault);
  apply(fault, +1, now_s);
}

void FaultBoard::end(Fault const& fault, double now_s) {
  auto const found = std::ranges::find(on_, fault);
  if (found == on_.end()) return;
  on_.erase(found);
  apply(fault, -1, now_s);
}

void FaultBoard::apply(Fault const& fault, int change, double now_s) {
  auto const count = [=](Tally& tally) {
    tally.active += change;
    tally.changed_s = now_s;
  };
  count(befallen_[static_cast<std::size_t>(fault.node)]);
  count(tally(fault.kind, fault.node));
  if (fault.other >= 0) count(tally(fault.kind, fault.other));
  if (fault.kind != FaultKind::partition) return;
  for (Node peer = 0; peer < nodes_; ++peer) {
    if (peer == fault.node || !is_between(fault, fault.node, peer)) continue;
    cuts_[pair(fault.node, peer)] += change;
    cuts_[pair(peer, fault.node)] += change;
  }
}

double FaultBoard::strength(FaultKind kind, Node from, Node to) const {
  if (!is_on(kind, from) && !is_on(kind, to)) return 0.0;
  double strength = 0.0;
  for (auto const& fault : on_) {
    if (fault.kind == kind && is_between(fault, from, to)) strength = std::max(strength, fault.strength);
  }
  return strength;
}

double FaultBoard::slowdown(Node site) const {
  double factor = 1.0;
  for (auto const& fault : on_) {
    if (fault.kind == FaultKind::slow && fault.node == site) factor = std::max(factor, fault.strength);
  }
  return factor;
}

FaultMask FaultBoard::since(double since_s, Node from, Node to) const {
  FaultMask mask = 0;
  for (std::size_t kind = 0; kind < fault_kinds; ++kind) {
    for (Node const node : {from, to}) {
      auto const& tally = tallies_[static_cast<std::size_t>(node)][kind];
      if (tally.active > 0 || tally.changed_s >= since_s) mask |= mask_of(static_cast<FaultKind>(kind));
    }
  }
  return mask;
}

double FaultBoard::clean_since_s(Node node) const {
  auto const& tally = befallen_[static_cast<std::size_t>(node)];
  return tally.active > 0 ? std::numeric_limits<double>::infinity() : std::max(0.0, tally.changed_s);
}

}  // namespace atl::sim
