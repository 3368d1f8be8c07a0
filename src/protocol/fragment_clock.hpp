// The shard's clock and the schedule of fragments (PROTOCOL.md §2).
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace atl::protocol {

// t: the K-th largest step among the live sites. Never falls: where a change of membership would lower it, an
// offset makes up for it. Stands still while fewer than K sites live.
class FragmentClock {
 public:
  explicit FragmentClock(int quorum) : quorum_(quorum) {}

  // A live site has come from one step to another.
  void saw(std::uint64_t before, std::uint64_t step) { ahead_ += before <= kth_ && step > kth_; }
  // Whether update() would do anything, while the sites are the same.
  bool is_behind() const { return ahead_ >= quorum_; }
  // `steps`: of the live sites, in any order. `membership_changed`: since the last call.
  void update(std::span<std::uint64_t const> steps, bool membership_changed);
  std::uint64_t now() const { return now_; }

  // To go on from a checkpoint.
  void restore(std::uint64_t now);

 private:
  int quorum_;
  std::uint64_t now_ = 0;
  std::uint64_t offset_ = 0;
  std::uint64_t kth_ = 0;  // the K-th largest step at the last update
  int ahead_ = 0;          // sites beyond it, at least
};

// t_p = floor(p H / P).
std::uint64_t phase_of(std::uint32_t fragment, int fragments, std::uint64_t interval);
// When fragment p is due first: t_p, or H where t_p is 0.
std::uint64_t first_due(std::uint32_t fragment, int fragments, std::uint64_t interval);
// When it is due next after a round at time t: the first x = t_p (mod H) with x >= t + H/2.
std::uint64_t next_due(std::uint32_t fragment, int fragments, std::uint64_t interval, std::uint64_t t);

}  // namespace atl::protocol
