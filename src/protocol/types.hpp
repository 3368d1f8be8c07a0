// The protocol's vocabulary: identities, versions, counts, fates.
#pragma once

#include <compare>
#include <cstdint>

namespace atl::protocol {

inline constexpr std::uint32_t protocol_version = 6;

// A payload lives with the driver; the machines only pass its handle on. 0: none.
using PayloadHandle = std::uint64_t;

// A version of a fragment: `commits` counts outer steps, `term` rises when the fragment's owner changes.
struct Version {
  std::uint64_t term = 0;
  std::uint64_t commits = 0;
  auto operator<=>(Version const&) const = default;
};

// A round's number begins with the term of its owner, so that rounds are ordered across owners too. In the
// synchronous methods, whose owners do not change, it is a step.
inline constexpr int round_bits = 40;
constexpr std::uint64_t first_round_of(std::uint64_t term) { return term << round_bits; }
constexpr std::uint64_t term_of(std::uint64_t round) { return round >> round_bits; }
// As it is saved: terms begin anew with every start.
constexpr std::uint64_t without_term(std::uint64_t round) { return round & (first_round_of(1) - 1); }

// An amount of training: inner steps of a site, and the tokens in them.
struct Work {
  std::uint64_t steps = 0;
  std::uint64_t tokens = 0;

  bool operator==(Work const&) const = default;
  Work& operator+=(Work const& other) {
    steps += other.steps;
    tokens += other.tokens;
    return *this;
  }
  Work& operator-=(Work const& other) {
    steps -= other.steps;
    tokens -= other.tokens;
    return *this;
  }
  bool is_none() const { return steps == 0; }
};

enum class Outcome : std::uint8_t {
  none,      // nothing was contributed yet
  received,  // in a round that is still open: the fate proper is to come
  merged,    // part of the release
  carried,   // late, joins the next round
  dropped,   // late, or its round was cancelled
  rejected,  // refused by the gate; see Reason
  absent,    // asked, but not there when the round closed
};

enum class Reason : std::uint8_t {
  none,
  unknown_round,    // the fragment has no such round, or it is closed
  duplicate,        // this site has contributed to this round
  stale_base,       // base older than max_staleness commits
  future_base,      // base newer than the owner's version
  wrong_counts,     // no steps, no tokens, or more than the deck allows
  not_finite,       // NaN or infinity in the payload
  unusual_norm,     // far from the fragment's usual ones, while those of most sites are not
  old_incarnation,  // from an earlier life of the site
  old_term          // to an owner that is none any more
};

char const* name(Outcome outcome);
char const* name(Reason reason);

// What became of a site's last contribution to a fragment.
struct Fate {
  std::uint64_t round = 0;
  Outcome outcome = Outcome::none;
  Reason reason = Reason::none;
  bool operator==(Fate const&) const = default;
};

}  // namespace atl::protocol
