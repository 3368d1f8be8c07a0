// How long a fragment's contributions usually are, and which are out of the ordinary (PROTOCOL.md §2, the
// gate).
#pragma once

#include <cstdint>

#include "base/archive.hpp"
#include "protocol/types.hpp"

namespace atl::protocol {

// Of |delta| / sqrt(steps), over what was merged: the last some thirty count.
struct UsualNorm {
  std::uint64_t merged = 0;
  double mean = 0.0;
  double variance = 0.0;
  bool operator==(UsualNorm const&) const = default;

  // More than `gate_z` deviations from the mean; with 0, and before 8 were merged, nothing is. A deviation
  // counts as half of the mean at least: `steps` varies between contributions, and drift grows faster than
  // its root.
  bool is_unusual(double norm, Work const& work, double gate_z) const;
  void saw_merged(double norm, Work const& work);

  void save(base::Writer& writer) const;
  void load(base::Reader const& reader);
};

}  // namespace atl::protocol
