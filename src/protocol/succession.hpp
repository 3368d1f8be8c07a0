// Who owned each fragment, one shard after the other, and which of their commits stand (PROTOCOL.md §6):
// what an owner made beyond the version that the next one goes on from, nobody has seen.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <vector>

#include "protocol/tape.hpp"

namespace atl::protocol {

// A fragment with one owner, from where it begins to where its tape ends.
struct Tenure {
  std::uint32_t shard = 0;
  TapedVersion first;           // that it begins with
  std::optional<Version> from;  // another owner's, or its own of an older term
  std::vector<TapedCommit> commits;
  std::size_t standing = 0;  // how many of them stand
  bool is_void = false;      // nothing of it does: the next owner goes on from an earlier one
};

struct Succession {
  std::map<std::uint32_t, std::vector<Tenure>> tenures;  // by fragment, in the order of terms
  std::vector<std::string> findings;                     // what is in no tenure
};

Succession succession_of(std::span<TapedLife const> shards);

}  // namespace atl::protocol
