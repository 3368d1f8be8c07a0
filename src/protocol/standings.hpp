// How every site stands to a fragment, counted: so that a decision about a thousand sites looks only at those
// of which something has changed.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace atl::protocol {

enum class Standing : std::uint8_t {
  askable,    // would be pulled by the open round, or by one that opened now
  parting,    // askable, and leaves
  awaited,    // was pulled, and may still answer
  waiting,    // at rest: was not pulled, and could answer if it were
  unsettled,  // lives, and something is on its way from or to it
  to_come,    // counts, and has not answered the open round
};
inline constexpr std::size_t standing_kinds = 6;

// Whoever changes what a standing depends on touches the site, or all of them; the next refresh asks anew.
class Standings {
 public:
  // One bit a kind, in a byte: a thousand sites fit into a few cache lines.
  class Set {
   public:
    void put(Standing kind, bool is) { bits_ |= static_cast<std::uint8_t>(is << static_cast<int>(kind)); }
    bool has(Standing kind) const { return (bits_ >> static_cast<int>(kind)) & 1; }
    bool operator==(Set const&) const = default;

   private:
    std::uint8_t bits_ = 0;
  };

  explicit Standings(std::size_t sites) : sets_(sites) {}

  void touch(int site) { touched_.push_back(site); }
  void touch_all() { all_touched_ = true; }

  // `set_of(site)`: how the site stands now.
  template <class SetOf>
  void refresh(SetOf const& set_of) {
    if (all_touched_) {
      for (int site = 0; site < static_cast<int>(sets_.size()); ++site) put(site, set_of(site));
    } else {
      for (int const site : touched_) put(site, set_of(site));
    }
    all_touched_ = false;
    touched_.clear();
  }

  int count(Standing kind) const { return counts_[static_cast<std::size_t>(kind)]; }
  bool has(int site, Standing kind) const { return sets_[static_cast<std::size_t>(site)].has(kind); }
  bool operator==(Standings const&) const = default;

 private:
  void put(int site, Set const& set) {
    Set& old = sets_[static_cast<std::size_t>(site)];
    if (old == set) return;
    for (std::size_t kind = 0; kind < standing_kinds; ++kind)
      counts_[kind] += set.has(Standing(kind)) - old.has(Standing(kind));
    old = set;
  }

  std::vector<Set> sets_;  // by site
  std::array<int, standing_kinds> counts_{};
  std::vector<int> touched_;  // since the last refresh
  bool all_touched_ = true;
};

}  // namespace atl::protocol
