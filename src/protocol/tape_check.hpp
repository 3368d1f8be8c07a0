// A tape that a replay is held against: every entry must be the one that stands there.
#pragma once

#include <string>
#include <vector>

#include "protocol/tape.hpp"

namespace atl::protocol {

class TapeCheck final : public Tape {
 public:
  // `who`: "site 0". `stops_at_first`: what follows the first difference says nothing new.
  TapeCheck(std::string who, std::vector<TapeEntry> expected, bool stops_at_first);

  // Starts are passed over: they tell where and with what a life began. So is what comes after the end.
  void put(TapeEntry const& entry) override;

  std::size_t compared() const { return compared_; }
  // One line a difference; the last may say how much was not reached.
  std::vector<std::string> differences() const;

 private:
  std::string who_;
  std::vector<TapeEntry> expected_;
  bool stops_at_first_;
  std::size_t compared_ = 0;
  std::vector<std::string> differences_;
};

// What a replay of a site tells: its first `boundaries`, with what came of each.
std::vector<TapeEntry> first_boundaries(TapedLife const& site, std::size_t boundaries);
// What a replay of a shard tells: the versions that it begins with, and those of its first `changes`.
std::vector<TapeEntry> first_versions(TapedLife const& shard, std::size_t changes);

}  // namespace atl::protocol
