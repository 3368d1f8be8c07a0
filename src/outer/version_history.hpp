// The last versions of a fragment, for contributions that are measured from the current one (PROTOCOL.md §3).
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <span>
#include <vector>

#include "base/archive.hpp"
#include "outer/codec.hpp"

namespace atl::outer {

class VersionHistory {
 public:
  // As it was released: what sites decode from it is their base.
  using Release = std::shared_ptr<std::vector<std::byte> const>;

  // Remembers the newest version and `max_staleness` before it.
  VersionHistory(Codec codec, std::uint64_t max_staleness) : codec_(codec), max_staleness_(max_staleness) {}

  // The newest version from now on, also where newer ones were remembered.
  void keep(std::uint64_t commits, Release release);
  // delta <- delta + (Theta(newest) - Theta(base)). Throws RuntimeFailure for a base that is not remembered.
  void shift(std::uint64_t base, std::span<float> delta) const;

  // All but the newest, which keep() adds again, of `count` numbers each.
  void save(base::Writer& writer, std::size_t count) const;
  void load(base::Reader const& reader, std::size_t count);

 private:
  struct Version {
    std::uint64_t commits = 0;
    Release release;
  };

  Codec codec_;
  std::uint64_t max_staleness_;
  std::deque<Version> versions_;  // the newest last
};

}  // namespace atl::outer
