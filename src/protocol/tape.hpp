// The event tape of one process (PROTOCOL.md §8): what it was told and what it decided, never a payload. From
// the tapes of all processes a run can be executed again without its timing, and its books be checked.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <variant>
#include <vector>

#include "base/memory_archive.hpp"
#include "protocol/quiet_point.hpp"
#include "protocol/site_machine.hpp"

namespace atl::protocol {

inline constexpr std::uint32_t tape_format = 2;

// A contribution by whom it came from.
struct TapedContribution {
  std::uint32_t site = 0;
  Contribution contribution;
  bool operator==(TapedContribution const&) const = default;
};

// A process begins or goes on: all that its later entries rest on.
struct TapedStart {
  std::uint32_t format = tape_format;
  std::uint64_t life = 1;  // of the run: one more at every start and resume
  Participant::Kind kind = Participant::Kind::site;
  std::uint32_t index = 0;

  std::string deck;      // resolved
  base::Digest data;     // of a site's training text
  base::Digest program;  // of the executable
  std::string machine;   // instruction set and threads

  std::optional<std::uint64_t> set;  // the step of the checkpoint that this life goes on from
  // Of a site.
  std::uint64_t incarnation = 0;
  bool heals = false;  // it returns within the run, and takes a donor's state
  std::uint64_t step = 0;
  std::uint64_t cursor = 0;  // in its text
  base::Values state;        // its SiteMachine's, as the set has it; empty: it is new
  // Of a shard: the contributions it holds, in the order of SyncerMachine::held_members.
  std::vector<TapedContribution> held;
  std::vector<TapedContribution> in_flight;  // those that were on their way to it, and come again
};

struct TapedStep {
  std::uint64_t tokens = 0;
  double loss = 0.0;
};

// One boundary of a site: what its machine was given, and what came of it.
struct TapedBoundary {
  std::optional<TapedStep> step;  // none: the site stood still
  std::vector<SiteEvent> events;
  base::Digest after;  // state_digest() then
};

// A site's base of a fragment after it has adopted a version.
struct TapedBase {
  std::uint32_t fragment = 0;
  Version version;
  base::Digest base;
};

// A site's parameters where its state is written, and at its end.
struct TapedParameters {
  std::uint64_t step = 0;
  std::uint64_t cursor = 0;
  base::Digest parameters;
};

// Theta of a fragment as a shard has it when a life begins.
struct TapedVersion {
  std::uint32_t fragment = 0;
  Version version;
  base::Digest theta;  // as sites decode it
};

struct TapedCommit {
  struct Member {
    TapedContribution from;
    double weight = 0.0;
    std::uint64_t staleness = 0;
    std::uint64_t rounds_late = 0;
  };
  struct Absent {
    std::uint32_t site = 0;
    bool silent = false;  // not heard for long, rather than late
  };
  std::uint64_t round = 0;
  std::vector<Member> members;  // in the order they are merged
  std::vector<Absent> absent;
  TapedVersion made;
};

// A shard owns a fragment in a new term: it goes on from what it had itself, or from a backup's replica.
struct TapedTaken {
  Version from;
  bool by_replica = false;  // of `from`; of the first version needs none, for every shard can make that
  TapedVersion taken;

  bool needs_replica() const { return by_replica && from != Version{}; }
};

// A contribution that is no member of any commit: refused as it came, or dropped or refused later (`none`).
struct TapedDiscard {
  TapedContribution from;
  Reason reason = Reason::none;
};

// A site goes on with fewer ranks than its deck says.
struct TapedRanks {
  std::uint64_t ranks = 0;
};

using TapeEntry = std::variant<TapedStart, TapedBoundary, TapedBase, TapedParameters, TapedVersion,
                               TapedCommit, TapedDiscard, TapedTaken, TapedRanks>;

// Two entries are the same where their bytes are.
std::vector<std::byte> encode(TapeEntry const& entry);
// Throws RuntimeFailure.
TapeEntry decode_entry(std::span<std::byte const> bytes);
// "step 12 of site 0", "commit 3 of fragment 1": for what is said of it.
std::string describe(TapeEntry const& entry);

// With 1 in the place of every payload's handle, which means something to its own process only.
std::vector<SiteEvent> taped_events(std::span<SiteEvent const> events);
// Of what a site was given at a boundary, and of its books then: the step, every fragment's base and ledger
// row.
base::Digest state_digest(TapedBoundary const& boundary, SiteMachine const& machine);

// Whoever is told the entries of a process, in order: a file, or the check of a replay.
class Tape {
 public:
  virtual ~Tape() = default;
  virtual void put(TapeEntry const& entry) = 0;
  // What was put is not lost with the process. Before a contribution leaves, so that what a shard merges is
  // on its site's tape; and before a checkpoint counts as written.
  virtual void flush() {}
};

// On a tape an entry is its length, the length's complement, and a digest over the digest of the entry before
// and this one: an entry that was altered, added or taken away is found by all that follow.
class TapeFramer {
 public:
  explicit TapeFramer(base::Digest last = {}) : last_(last) {}
  std::vector<std::byte> frame(TapeEntry const& entry);

 private:
  base::Digest last_;
};

struct TapeContents {
  std::vector<TapeEntry> entries;
  std::size_t bytes = 0;  // of these; what follows was torn off in the middle by the end of its process
  base::Digest last;
};

// Throws InputError, naming `name` and the byte, for what is no tape, or a damaged one.
TapeContents read_tape(std::span<std::byte const> bytes, std::string const& name);

// The part of a tape between one start and the next.
struct TapedLife {
  TapedStart start;
  std::vector<TapeEntry> entries;

  template <class Entry>
  std::vector<Entry> only() const {
    std::vector<Entry> found;
    for (auto const& entry : entries) {
      if (auto const* match = std::get_if<Entry>(&entry)) found.push_back(*match);
    }
    return found;
  }
};

// What a shard has made, in order.
using ShardChange = std::variant<TapedCommit, TapedTaken>;
std::vector<ShardChange> changes_of(TapedLife const& shard);
TapedVersion const& made_by(ShardChange const& change);

// By the number of the run's life: those of the process, of which only a site that heals has more than one.
// Where else a number comes twice the later counts: the run did not come to live before. Throws InputError
// where the tape begins with something else, or is another process's.
std::map<std::uint64_t, std::vector<TapedLife>> lives_of(std::vector<TapeEntry> entries, Participant who,
                                                         std::string const& name);

}  // namespace atl::protocol
