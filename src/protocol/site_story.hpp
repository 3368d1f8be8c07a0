// What a site's tape tells: its machine runs again on what it was given, and says the same.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "protocol/tape.hpp"

namespace atl::protocol {

struct SiteStory {
  struct Boundary {
    std::uint64_t step = 0;  // afterwards
    std::vector<Adopt> adopted;
    std::vector<Contribution> contributed;
    std::vector<GiveState> given;     // to sites that heal
    std::optional<StateData> healed;  // by a donor's
  };

  TapedLife life;
  std::vector<Boundary> boundaries;
  std::vector<LedgerRow> rows_before;  // by fragment: at the start of this life
  SiteMachine machine;                 // at its end
  bool has_left = false;               // and not been torn off
  std::string contradiction;           // where the tape says what cannot be; what follows is not told
};

// `options` as the deck has them. Throws nothing for what a tape may say.
SiteStory follow(TapedLife life, SiteMachine::Options options);

// The machine of a life that begins with `start`, after these boundaries, which a story has told.
SiteMachine machine_after(TapedStart const& start, SiteMachine::Options options,
                          std::span<TapedBoundary const> boundaries);
// Handles that tell payloads apart, where the tape has none: 1, 2, ... in their order.
void number_payloads(std::vector<TapedBoundary>& boundaries);

// How far a life can be executed again: the tapes of killed processes end at different moments. A
// site that returned has a story for each of its lives, in their order.
struct Reach {
  std::vector<std::size_t> boundaries;  // by story
  std::vector<std::size_t> changes;     // by shard
};
Reach reach_of(std::vector<SiteStory> const& sites, std::vector<TapedLife> const& shards);

}  // namespace atl::protocol
