// Snapshots of the whole run that nobody stands still for (PROTOCOL.md §8).
#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "protocol/quiet_point.hpp"

namespace atl::protocol {

// A shard's part: from its own record until a site's marker has come by the bulk lane, what comes from that
// site was on its way at the cut and belongs to it. Nothing else needs recording: what was on its way to a
// site is sent again when it says hello to a shard that goes on from the snapshot.
class CutRecorder {
 public:
  // A marker has come, by either lane. True: the first of its snapshot; record the state now, before anything
  // else, and pass the marker on. `sites`: those that are here.
  bool begin(Marker const& marker, std::set<int> sites);
  void on_site_marker(int site, Marker const& marker);
  // A site is gone, or begins a new life: nothing more comes from the old one.
  void strike_off(int site) { awaited_.erase(site); }

  bool records(int site) const { return awaited_.contains(site); }
  bool is_open() const { return is_open_; }
  bool is_complete() const { return is_open_ && awaited_.empty(); }
  Marker const& marker() const { return marker_; }
  void close() {
    is_open_ = false;
    awaited_.clear();
  }

 private:
  Marker marker_;
  bool is_open_ = false;
  std::set<int> awaited_;  // sites whose marker has not come
};

struct BeginCut {
  Marker marker;  // to this process's own shard, which passes it on
};
using SnapshotAction = std::variant<BeginCut, Seal, GiveUp>;

// Shard 0's part: starts a snapshot and seals it when everyone has written.
class Snapshot {
 public:
  // `patience_s`: how long it may take before it is given up.
  explicit Snapshot(double patience_s) : patience_s_(patience_s) {}

  // Nothing where one is open. `everyone`: who takes part.
  std::vector<SnapshotAction> begin(std::uint64_t step, std::set<Participant> everyone, double now_s);
  std::vector<SnapshotAction> on_saved(Participant who, Saved const& saved);
  // Its process is gone. Without a site the snapshot goes on, without a shard it is given up.
  std::vector<SnapshotAction> on_lost(Participant who);
  std::vector<SnapshotAction> on_timer(double now_s);
  // A snapshot that is open is given up: `why`.
  std::vector<SnapshotAction> give_up(std::string why);
  std::optional<double> next_timer_s() const;
  bool is_open() const { return !awaited_.empty(); }
  bool is_of(Marker const& marker) const { return is_open() && marker.id == marker_.id; }

 private:
  std::vector<SnapshotAction> seal_if_complete();

  double patience_s_;
  double give_up_s_ = 0.0;
  // Apart from the ids of quiet points: a Saved that comes late must not be taken for another's.
  Marker marker_{.id = std::uint64_t{1} << 32};
  std::set<Participant> awaited_;
  std::vector<Participant> missing_;
  std::vector<SavedFile> files_;
};

}  // namespace atl::protocol
