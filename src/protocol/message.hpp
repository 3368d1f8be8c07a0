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
#include "protocol/usual_norm.hpp"

namespace atl::protocol {

// site -> every shard: who I am, and what I believe we agree on.
struct Hello {
  std::uint32_t version = protocol_version;
  std::uint64_t incarnation = 0;
  bool heals =
      false;  // its state is lost: it takes a donor's before it trains, and is not admitted until then
  base::Digest parameters;  // of the ParamTable
  std::string agreement;    // deck::agreement
  bool operator==(Hello const&) const = default;
};

// Who owns the fragments p = seat (mod S), since which term. In a Welcome; and from a new owner to all sites
// and shards, after the fates of whatever of theirs is left: what it does not name is dropped.
struct Seat {
  std::uint32_t seat = 0;
  std::uint64_t term = 0;
  std::uint64_t from = 0;  // the term whose versions it goes on from
  std::uint32_t owner = 0;
  // Not yet the owner: asks a majority of the sites whether they have heard that it will be.
  bool claims = false;
  bool operator==(Seat const&) const = default;
};

// every shard -> site. `refusal` empty: it is known now, and admitted unless it heals.
struct Welcome {
  std::string refusal;
  std::uint32_t shard = 0;
  std::vector<std::uint32_t> donors;  // a few healthy sites, the furthest first, whose state it may take
  std::uint64_t step = 0;             // the highest that was heard of the site, in any life
  std::vector<Seat> seats;            // those of this shard
  bool operator==(Welcome const&) const = default;
};

// site -> all shards, at every boundary.
struct Progress {
  struct Fragment {
    std::uint32_t fragment = 0;
    Version base;
    Work unsent;                   // trained since `base` and not in a contribution whose fate is open
    std::uint64_t pending = 0;     // the contribution whose fate is open: its round
    std::uint64_t round = 0;       // no pull up to this round will be answered any more
    std::uint64_t open_round = 0;  // the oldest contribution whose end the site does not know; 0: none
    Version lacks;                 // the newest that it was sent only a difference to, and cannot make whole
    bool operator==(Fragment const&) const = default;
  };
  std::uint64_t incarnation = 0;
  std::uint64_t step = 0;
  double step_s = 0.0;  // EMA
  double loss = 0.0;
  bool heals = false;           // has not taken a donor's state yet: not to be admitted
  bool holding = false;         // stands still between Hold and Go, or leaves
  bool leaving = false;         // was told to depart: takes no further step
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

// A site that heals -> its donor: send me your inner moments and your step.
struct StateRequest {
  std::uint32_t site = 0;
  std::uint64_t incarnation = 0;
  bool operator==(StateRequest const&) const = default;
};

// donor -> site, bulk; payload: the donor's inner moments at the boundary after `step`.
struct StateData {
  std::uint64_t incarnation = 0;  // of the site that asked
  std::uint64_t step = 0;
  bool operator==(StateData const&) const = default;
};

// owner -> backup, bulk; payload: Theta and what its outer step needs. All that a new owner goes on with.
struct Replica {
  struct Site {
    std::vector<Fate> fates;  // that the site may not have heard
    Version needed;
    bool operator==(Site const&) const = default;
  };
  std::uint32_t fragment = 0;
  Version version;
  std::uint64_t next_due = 0;
  std::vector<Site> sites;
  UsualNorm usual;
  bool operator==(Replica const&) const = default;
};

// backup -> owner.
struct ReplicaAck {
  std::uint32_t fragment = 0;
  Version version;
  bool operator==(ReplicaAck const&) const = default;
};

// shard -> every shard, now and then: I am alive.
struct Alive {
  bool operator==(Alive const&) const = default;
};

// shard -> all sites: promise me to obey nobody of an older term in this seat.
struct PromiseRequest {
  std::uint32_t seat = 0;
  std::uint64_t term = 0;
  std::uint64_t from = 0;   // the last term whose owner it knows
  std::uint32_t shard = 0;  // who asks
  bool operator==(PromiseRequest const&) const = default;
};

// site -> all shards, in answer to PromiseRequest and Seat, and to messages of an older term: the newest term
// that I have promised, and to whom.
struct Promise {
  std::uint64_t incarnation = 0;
  std::uint32_t seat = 0;
  std::uint64_t term = 0;
  std::uint32_t shard = 0;
  bool claims = false;  // it has said that the seat is its own; else it has only asked
  bool operator==(Promise const&) const = default;
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

// -> shard 0: at rest; or not any more, as one who has taken a seat since.
struct Held {
  std::uint64_t id = 0;
  bool taken_back = false;
  bool operator==(Held const&) const = default;
};

// shard 0 -> sites and shards: everyone is at rest; write the state into the set of clock step `step`.
struct Save {
  std::uint64_t id = 0;
  std::uint64_t step = 0;
  bool operator==(Save const&) const = default;
};

// To everyone on every lane of every channel: a snapshot without rest (Chandy and Lamport 1985). Shard 0
// starts it; who meets the first marker records its state and passes it on. What follows a marker was sent
// after its sender's record. On the bulk lane its payload is a single byte.
struct Marker {
  std::uint64_t id = 0;
  std::uint64_t step = 0;  // the set that the state goes into
  bool bulk = false;       // the lane
  bool operator==(Marker const&) const = default;
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

// To a site whose time is nearly up, from its own side: give what you have trained, then leave.
struct Depart {
  bool operator==(Depart const&) const = default;
};

// shard 0 -> every shard: start processes for this site, which is lost, in its next life. Not part of the
// protocol proper.
struct Recruit {
  std::uint32_t site = 0;
  std::uint64_t incarnation = 0;
  bool operator==(Recruit const&) const = default;
};

using Message = std::variant<Hello, Welcome, Progress, Pull, Cancel, Contribution, Release, FateNotice, Hold,
                             Held, Save, Saved, Go, Report, Bye, Seat, StateRequest, StateData, Replica,
                             ReplicaAck, Alive, PromiseRequest, Promise, Marker, Depart, Recruit>;

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
