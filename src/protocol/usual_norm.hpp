// How long a fragment's contributions usually are, and which are out of the ordinary (PROTOCOL.md §2, the
// gate).
#pragma once

#include <cstdint>

#include "base/archive.hpp"
#include "protocol/types.hpp"

namespace atl::protocol {

// Of |delta| / sqrt(steps), over what was merged: the last some thirty count.
class UsualNorm {
 public:
  // `gate_z`: how many deviations from the mean are out of the ordinary; 0: nothing is.
  explicit UsualNorm(double gate_z) : gate_z_(gate_z) {}

  // Nothing is before 8 were merged. A deviation counts as half of the mean at least: `steps` varies between
  // contributions, and drift grows faster than its root.
  bool is_unusual(double norm, Work const& work) const;
  void saw_merged(double norm, Work const& work);

  void save(base::Writer& writer) const;
  void load(base::Reader const& reader);

 private:
  double gate_z_;
  std::uint64_t merged_ = 0;
  double mean_ = 0.0;
  double variance_ = 0.0;
};

}  // namespace atl::protocol
