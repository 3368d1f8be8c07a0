// A tape that a replay is held against: every entry must be the one that stands there.
#pragma once

#include <string>
#include <vector>

#include "protocol/tape.hpp"

namespace atl::train {

class TapeCheck final : public protocol::Tape {
 public:
  // `who`: "site 0". `stops_at_first`: what follows the first difference says nothing new.
  TapeCheck(std::string who, std::vector<protocol::TapeEntry> expected, bool stops_at_first);

  // Starts are passed over: they tell where and with what a life began. So is what comes after the end.
  void put(protocol::TapeEntry const& entry) override;

  std::size_t compared() const { return compared_; }
  // One line a difference; the last may say how much was not reached.
  std::vector<std::string> differences() const;

 private:
  std::string who_;
  std::vector<protocol::TapeEntry> expected_;
  bool stops_at_first_;
  std::size_t compared_ = 0;
  std::vector<std::string> differences_;
};

}  // namespace atl::train
