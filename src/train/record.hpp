// The record: what the ranks of a site tell one another at every step, in one small collective. All ranks
// come out of it with the same record, so all their machines decide alike (PROTOCOL.md §1).
#pragma once

#include <cstdint>
#include <deque>
#include <vector>

#include "comm/communicator.hpp"
#include "protocol/site_machine.hpp"

namespace atl::train {

// What one rank puts in.
struct RankShare {
  double loss_sum = 0.0;      // over its targets, nats
  double squared_norm = 0.0;  // of its slice of the summed gradients
  double step_s = 0.0;        // since its last record
  std::uint64_t targets = 0;
  bool stop_requested = false;
};

struct Record {
  double loss = 0.0;       // mean over the site
  double grad_norm = 0.0;  // global, before clipping
  double step_s = 0.0;     // of the slowest rank
  std::uint64_t tokens = 0;
  bool stop_requested = false;              // by any rank
  std::vector<protocol::SiteEvent> events;  // what the leader holds
};

// Room for the leader's events in one record; what does not fit waits for the next.
inline constexpr std::size_t record_event_bytes = 4096;

// Collective over the site. `pending`: the leader's events, oldest first; those that travelled are removed
// (other ranks pass an empty queue). `idle`: the site stands still and may wait long, so the wait sleeps.
Record exchange_record(comm::Communicator const& site, RankShare const& mine,
                       std::deque<protocol::SiteEvent>& pending, bool idle);

}  // namespace atl::train
