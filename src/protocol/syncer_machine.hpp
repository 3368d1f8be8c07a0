// A shard's side of the outer protocol (PROTOCOL.md §2): when fragments are pulled, when a round closes, who
// is in it with which weight. Pure: events in, actions out; the numerics of a commit are the driver's.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <variant>
#include <vector>

#include "base/archive.hpp"
#include "deck/config.hpp"
#include "protocol/fragment_clock.hpp"
#include "protocol/gate.hpp"
#include "protocol/grace_window.hpp"
#include "protocol/membership.hpp"
#include "protocol/message.hpp"
#include "protocol/owned_fragment.hpp"
#include "protocol/syncer_action.hpp"

namespace atl::protocol {

class SyncerMachine {
 public:
  struct Options {
    int shard = 0;
    int shards = 1;
    int sites = 1;
    std::uint64_t max_tokens_per_step = 0;  // of a site
    // diloco, streaming: nothing is pulled; a round opens with its first contribution and closes with all
    // sites
    bool synchronous = false;
    std::uint64_t last_step = 0;  // > 0: every site ends after so many steps of its own
    deck::OuterSection outer;
  };

  explicit SyncerMachine(Options options);

  bool owns(std::uint32_t fragment) const {
    return static_cast<int>(fragment) % options_.shards == options_.shard;
  }

  // A site was welcomed, new or heard of for the first time in this incarnation: it gets every fragment of
  // this shard.
  std::vector<SyncerAction> on_admitted(int site, std::uint64_t incarnation, double now_s);
  std::vector<SyncerAction> on_progress(int site, Progress const& progress, double now_s);
  std::vector<SyncerAction> on_contribution(int site, Contribution const& contribution, PayloadFacts facts,
                                            double now_s);
  // Come to rest: no new rounds; with Purpose::finish one last round of every fragment over all live sites
  // first.
  std::vector<SyncerAction> on_hold(Purpose purpose, double now_s);
  std::vector<SyncerAction> on_go(double now_s);
  std::vector<SyncerAction> on_timer(double now_s);
  // When on_timer must be called at the latest; none: no need.
  std::optional<double> next_timer_s() const;

  // At rest: no open round, and every live site has adopted the newest version of every fragment of this
  // shard. In the synchronous methods a checkpoint or stop leaves rounds open: every live site stands still,
  // and what it has contributed is here.
  bool is_quiet() const;
  std::uint64_t clock() const { return clock_.now(); }
  std::uint64_t slowest_step() const { return sites_.slowest_step(); }  // of the live sites; 0: there is none
  bool is_live(int site) const;
  Version version(std::uint32_t fragment) const;
  // Why nothing is being committed, in words; empty where all is well.
  std::string waiting_for() const;
  // Contributions refused so far, by reason.
  std::map<Reason, std::uint64_t> const& rejections() const { return rejections_; }

  // At a quiet point only. The payloads of what the shard then holds are the driver's to save, one at most of
  // a site in a fragment: members of open rounds, and carried ones. Loading numbers them anew, 1, 2, ... in
  // the order of this list.
  std::vector<Member const*> held_members() const;
  void save(base::Writer& writer) const;
  void load(base::Reader const& reader, double now_s);

 private:
  // Everything that is due now, after what an event has led to already.
  std::vector<SyncerAction> advance(std::vector<SyncerAction> actions);
  Surroundings surroundings() const;
  std::optional<std::size_t> slot_of(std::uint32_t fragment) const;  // in fragments_; none: not of this shard

  Options options_;
  Gate gate_;
  FragmentClock clock_;
  GraceWindow grace_;
  Membership sites_;
  std::vector<OwnedFragment> fragments_;
  std::optional<Purpose> rest_;  // between on_hold and on_go
  double last_advance_s_ = 0.0;  // at rest: when a site was last seen to move
  double now_s_ = 0.0;           // of the last event
  std::map<Reason, std::uint64_t> rejections_;
};

}  // namespace atl::protocol
