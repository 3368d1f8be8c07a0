// The messages between sites and shards (PROTOCOL.md §0), and their encoding. Payloads travel beside a
// message, never in it.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <variant>
#include <vector>

#include "base/digest.hpp"
#include "protocol/types.hpp"

namespace atl::protocol {

// site -> every shard: who I am, and what I believe we agree on.
struct Hello {
  std::uint32_t version = protocol_version;
  std::uint64_t incarnation = 0;
  base::Digest parameters;  // of the ParamTable
  std::string agreement;    // deck::agreement
  bool operator==(Hello const&) const = default;
};

// every shard -> site. `refusal` empty: admitted.
struct Welcome {
  std::string refusal;
  bool operator==(Welcome const&) const = default;
};

// site -> all shards, at every boundary.
struct Progress {
  struct Fragment {
    std::uint32_t fragment = 0;
    Version base;
    Work unsent;              // trained since `base` and not in a contribution whose fate is open
    bool pending = false;     // a contribution's fate is open
    std::uint64_t round = 0;  // no pull up to this round will be answered any more
    Version lacks;            // the newest that it was sent only a difference to, and cannot make whole
    bool operator==(Fragment const&) const = default;
  };
  std::uint64_t incarnation = 0;
  std::uint64_t step = 0;
  double step_s = 0.0;  // EMA
  double loss = 0.0;
  bool holding = false;         // stands still between Hold and Go
  bool stop_requested = false;  // a signal asked one of its ranks to stop
  std::vector<Fragment> fragments;
  bool operator==(Progress const&) const = default;
};

// shard -> site: contribute this fragment to this round.
struct Pull {
  std::uint32_t fragment = 0;
  std::uint64_t round = 0;
  Fate fate;
  bool operator==(Pull const&) const = default;
};

// shard -> site: this round is off.
struct Cancel {
  std::uint32_t fragment = 0;
  std::uint64_t round = 0;
  bool operator==(Cancel const&) const = default;
};

// site -> owner, bulk; payload: base - theta, coded. In the synchronous methods `round` is `step`.
struct Contribution {
  std::uint32_t fragment = 0;
  std::uint64_t round = 0;
  std::uint64_t incarnation = 0;
  Version base;
  std::uint64_t step = 0;  // the site's own
  Work work;               // since `base`
  bool operator==(Contribution const&) const = default;
};

// owner -> site, bulk; payload: Theta of the fragment at `version`, which `round` made, or its difference to
// that of an older version.
struct Release {
  std::uint32_t fragment = 0;
  std::uint64_t round = 0;
  Version version;
  Fate fate;                     // of this site's last contribution
  std::optional<Version> since;  // the payload is the difference since this one; none: it is whole
  bool operator==(Release const&) const = default;
};

// owner -> site: news of a contribution that no release or pull will bring soon: that it has arrived, which
// makes room for the next; that it is carried, and later what became of it.
struct FateNotice {
  std::uint32_t fragment = 0;
  Fate fate;
  bool operator==(FateNotice const&) const = default;
};

enum class Purpose : std::uint8_t {
  checkpoint,  // save and go on
  stop,        // save and leave, to be resumed
  finish,      // merge what is unsent, save and leave: the run is complete
};

// shard 0 -> sites and shards: come to rest. Sites finish their step; shards open no more rounds.
struct Hold {
  std::uint64_t id = 0;
  Purpose purpose = Purpose::checkpoint;
  bool operator==(Hold const&) const = default;
};

// -> shard 0: at rest.
struct Held {
  std::uint64_t id = 0;
  bool operator==(Held const&) const = default;
};

// shard 0 -> sites and shards: everyone is at rest; write the state into the set of clock step `step`.
struct Save {
  std::uint64_t id = 0;
  std::uint64_t step = 0;
  bool operator==(Save const&) const = default;
};

struct SavedFile {
  std::string name;
  std::uint64_t bytes = 0;
  base::Digest digest;
  bool operator==(SavedFile const&) const = default;
};

// -> shard 0: written and synced, or why not.
struct Saved {
  std::uint64_t id = 0;
  std::vector<SavedFile> files;
  std::string failure;  // empty: done
  bool operator==(Saved const&) const = default;
};

// shard 0 -> sites and shards: rest is over.
struct Go {
  std::uint64_t id = 0;
  bool leave = false;  // the run ends here
  bool operator==(Go const&) const = default;
};

// site -> shard 0, shard -> shard 0: one line of metrics.jsonl. Not part of the protocol proper.
struct Report {
  std::string line;
  bool operator==(Report const&) const = default;
};

// The last message on a channel.
struct Bye {
  bool operator==(Bye const&) const = default;
};

using Message = std::variant<Hello, Welcome, Progress, Pull, Cancel, Contribution, Release, FateNotice, Hold,
                             Held, Save, Saved, Go, Report, Bye>;

// "pull", "contribution", ...: of the index in the variant.
char const* kind_name(std::size_t index);

// True where a payload travels with the message: these go by the bulk lane, all others by the control lane.
bool is_bulk(Message const& message);

// Little-endian, the index in the variant first. At most `max_message_bytes`.
inline constexpr std::size_t max_message_bytes = 1 << 20;
std::vector<std::byte> encode(Message const& message);

// Throws RuntimeFailure for an unknown type, a truncated or overlong message or an impossible length.
Message decode(std::span<std::byte const> bytes);

}  // namespace atl::protocol
