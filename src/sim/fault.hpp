// What can go wrong, and where it is going wrong at the moment.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "sim/layout.hpp"

namespace atl::sim {

// The first five befall single frames between two nodes, each with a probability (`strength`) while the fault
// lasts; the others befall nodes and links as a whole.
enum class FaultKind : std::uint8_t {
  delay,       // a frame takes `strength` seconds more
  duplicate,   // a frame arrives twice; its receiver's transport sees that by the sequence number
  repeat,      // a message is sent twice: as two frames, which nothing but the machine can tell apart
  damage,      // a payload's bytes are altered: the digest does not match, the frame is dropped
  poison,      // a payload's values are altered before it is coded: NaN, infinite, or 1000 times too large
  partition,   // nothing passes between two nodes; what is sent waits
  stall,       // a node stands still and takes nothing in
  slow,        // a site's steps take `strength` times as long
  loss,        // a site is gone; what it had sent may still arrive
  shard_loss,  // a shard is gone for good, once another holds what sites have seen of it
  notice,      // a site is told to leave; whoever has not left by the end is lost then
  rebirth,     // not drawn: the time after a lost node has come back
};
inline constexpr std::size_t fault_kinds = 12;
char const* name(FaultKind kind);

struct Fault {
  FaultKind kind = FaultKind::delay;
  double from_s = 0.0;
  double to_s = 0.0;  // infinite: for ever
  Node node = 0;
  Node other = -1;  // the other end of a link; -1: with every node
  double strength = 0.0;
  bool operator==(Fault const&) const = default;
};

// A set of kinds.
using FaultMask = std::uint32_t;
constexpr FaultMask mask_of(FaultKind kind) { return FaultMask{1} << static_cast<unsigned>(kind); }

// Which faults are on, and since when a node has had none.
class FaultBoard {
 public:
  explicit FaultBoard(int nodes);

  void begin(Fault const& fault, double now_s);
  void end(Fault const& fault, double now_s);

  bool is_on(FaultKind kind, Node node) const { return count(kind, node) > 0; }
  bool is_cut(Node from, Node to) const { return cuts_[pair(from, to)] > 0; }
  bool is_gone(Node node) const { return is_on(FaultKind::loss, node) || is_on(FaultKind::shard_loss, node); }
  // When a kind began or ended last at a node; negative: never.
  double changed_s(FaultKind kind, Node node) const {
    return tallies_[static_cast<std::size_t>(node)][static_cast<std::size_t>(kind)].changed_s;
  }
  // Of a fault that befalls frames from one node to another; 0: it is not on.
  double strength(FaultKind kind, Node from, Node to) const;
  double slowdown(Node site) const;
  // Everything that was on at either node, or between them, since then.
  FaultMask since(double since_s, Node from, Node to) const;
  // Since when nothing has befallen this node (a fault of a link befalls its first end); infinite: something
  // does.
  double clean_since_s(Node node) const;

 private:
  struct Tally {
    int active = 0;
    double changed_s = -1.0;  // began or ended last
  };

  void apply(Fault const& fault, int change, double now_s);
  std::size_t pair(Node from, Node to) const { return static_cast<std::size_t>(from * nodes_ + to); }
  Tally& tally(FaultKind kind, Node node) {
    return tallies_[static_cast<std::size_t>(node)][static_cast<std::size_t>(kind)];
  }
  int count(FaultKind kind, Node node) const {
    return tallies_[static_cast<std::size_t>(node)][static_cast<std::size_t>(kind)].active;
  }

  int nodes_;
  std::vector<std::array<Tally, fault_kinds>> tallies_;  // by node; a link's faults count for both ends
  std::vector<Tally> befallen_;                          // by node, of all kinds
  std::vector<int> cuts_;                                // by pair of nodes
  std::vector<Fault> on_;
};

}  // namespace atl::sim
