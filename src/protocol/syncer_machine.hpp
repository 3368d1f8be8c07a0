// A shard's side of the outer protocol (protocol.md §2): when fragments are pulled, when a round closes, who is in it
// with which weight. Pure: events in, actions out; the numerics of a commit are the driver's.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <variant>
#include <vector>

#include "base/archive.hpp"
#include "deck/config.hpp"
#include "protocol/fragment_clock.hpp"
#include "protocol/grace_window.hpp"
#include "protocol/message.hpp"

namespace atoll::protocol {

// What the driver measured of a payload when it arrived; the machine never sees the numbers themselves.
struct PayloadFacts {
  PayloadHandle payload = 0;
  bool finite = true;
};

struct SendToSite {
  int site = 0;
  Message message;  // Pull, Cancel or FateNotice
};

struct Member {
  int site = 0;
  PayloadHandle payload = 0;
  double weight = 0.0;  // tokens^2 / steps, not normalized
  Contribution contribution;
  std::uint64_t staleness = 0;  // commits between its base and the version before this commit
};

// Merge the members (in site order) and take one outer step; afterwards Theta of the fragment is `version`.
// The members' payloads are then no longer needed.
struct Commit {
  std::uint32_t fragment = 0;
  std::uint64_t round = 0;
  Version version;
  std::vector<Member> members;
  double wait_s = 0.0;        // open to close
  std::vector<int> absent;    // eligible, but not there at the close
};

// Send Theta of the fragment, as it is now, to a site.
struct SendRelease {
  int site = 0;
  Release release;
};

// The payload was refused or came too late.
struct DiscardPayload {
  PayloadHandle payload = 0;
};

using SyncerAction = std::variant<SendToSite, Commit, SendRelease, DiscardPayload>;

class SyncerMachine {
 public:
  struct Options {
    int shard = 0;
    int shards = 1;
    int sites = 1;
    std::uint64_t max_tokens_per_step = 0;  // of a site
    deck::OuterSection outer;
  };

  explicit SyncerMachine(Options options);

  bool owns(std::uint32_t fragment) const { return static_cast<int>(fragment) % options_.shards == options_.shard; }

  // A site was welcomed, new or heard of for the first time in this incarnation: it gets every fragment of this shard.
  std::vector<SyncerAction> on_admitted(int site, std::uint64_t incarnation, double now_s);
  std::vector<SyncerAction> on_progress(int site, Progress const& progress, double now_s);
  std::vector<SyncerAction> on_contribution(int site, Contribution const& contribution, PayloadFacts facts, double now_s);
  // Come to rest: no new rounds; with Purpose::finish one last round of every fragment over all live sites first.
  std::vector<SyncerAction> on_hold(Purpose purpose, double now_s);
  std::vector<SyncerAction> on_go(double now_s);
  std::vector<SyncerAction> on_timer(double now_s);
  // When on_timer must be called at the latest; none: no need.
  std::optional<double> next_timer_s() const;

  // At rest: no open round, and every live site has adopted the newest version of every fragment of this shard.
  bool is_quiet() const;
  std::uint64_t clock() const { return clock_.now(); }
  bool is_live(int site) const;
  Version version(std::uint32_t fragment) const;
  // Why nothing is being committed, in words; empty where all is well.
  std::string waiting_for() const;
  // Contributions refused so far, by reason.
  std::map<Reason, std::uint64_t> const& rejections() const { return rejections_; }

  void save(base::Writer& writer) const;  // at a quiet point only
  void load(base::Reader const& reader);

 private:
  // (the implementer's)
  Options options_;
  FragmentClock clock_;
  GraceWindow grace_;
  std::map<Reason, std::uint64_t> rejections_;
};

}  // namespace atoll::protocol
