// The tapes of a simulated run, as the drivers of real runs write them, kept in memory. Drawn up from what
// the simulation sees happen, so the nodes know nothing of them.
#pragma once

#include <cstdint>
#include <map>
#include <tuple>
#include <vector>

#include "protocol/tape.hpp"
#include "sim/happening.hpp"

namespace atl::sim {

// All that a run can be told again from (replay.hpp).
struct Recording {
  // Site, incarnation, fragment and round of a contribution.
  using Sent = std::tuple<int, std::uint64_t, std::uint32_t, std::uint64_t>;

  std::vector<protocol::TapedLife> sites{};   // every life of each, in the order in which they began
  std::vector<protocol::TapedLife> shards{};  // by shard
  // Which contributions a fault had spoilt, and with what: on no tape, since no process knows of it.
  std::map<Sent, float> poison{};
};

class Recorder {
 public:
  explicit Recorder(Layout const& layout);

  void see(Happening const& happening);
  Recording take() { return std::move(recording_); }

 private:
  struct Site {
    std::size_t life = 0;                         // which of the recording's
    std::vector<protocol::TapeEntry> came_of_it;  // of the boundary that is being crossed
  };

  protocol::TapedLife& life_of(int site);
  void start(SiteStarted const& started);
  void restore(ShardRestored const& restored);
  void cross(Crossed const& crossed);
  void merge(Merged const& merged);
  void publish(Published const& published);

  Recording recording_;
  std::vector<Site> sites_;
  std::vector<std::map<std::uint32_t, protocol::Version>> has_;  // by shard and fragment
};

}  // namespace atl::sim
