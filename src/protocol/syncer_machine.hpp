// A shard's side of the outer protocol (PROTOCOL.md §2): when fragments are pulled, when a round closes, who
// is in it with which weight. Pure: events in, actions out; the numerics of a commit are the driver's.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
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
#include "protocol/seats.hpp"
#include "protocol/syncer_action.hpp"

namespace atl::protocol {

class SyncerMachine {
 public:
  struct Options {
    int shard = 0;
    int shards = 1;
    int sites = 1;
    bool replicated = false;                // the next shard holds what this one publishes
    std::uint64_t max_tokens_per_step = 0;  // of a site
    // diloco, streaming: nothing is pulled; a round opens with its first contribution and closes with all
    // sites
    bool synchronous = false;
    std::uint64_t last_step = 0;  // > 0: every site ends after so many steps of its own
    deck::OuterSection outer;
  };

  explicit SyncerMachine(Options options);

  // This shard owns the fragment now.
  bool owns(std::uint32_t fragment) const { return fragments_.contains(fragment); }

  // A site said hello, and what it agrees on was found right: new, or heard of for the first time in this
  // incarnation, it gets every fragment of this shard. `heals`: it is admitted only once its progress says
  // that it does no longer. Answer every hello with welcome().
  std::vector<SyncerAction> on_admitted(int site, std::uint64_t incarnation, double now_s,
                                        bool heals = false);
  Welcome welcome(int site) const;
  std::vector<SyncerAction> on_progress(int site, Progress const& progress, double now_s);
  std::vector<SyncerAction> on_contribution(int site, Contribution const& contribution, PayloadFacts facts,
                                            double now_s);
  std::vector<SyncerAction> on_promise(int site, Promise const& promise, double now_s);
  // What another shard says: Seat, Replica (with its payload), ReplicaAck or Alive.
  std::vector<SyncerAction> on_shard(int shard, Message const& message, PayloadHandle payload, double now_s);
  // The transport says that the process is gone.
  std::vector<SyncerAction> on_site_lost(int site, double now_s);
  std::vector<SyncerAction> on_shard_lost(int shard, double now_s);
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
  double last_advance_s() const { return last_advance_s_; }  // at rest: when a site was last seen to move
  std::uint64_t slowest_step() const { return sites_.slowest_step(); }  // of the live sites; 0: there is none
  bool is_live(int site) const;
  bool is_admitted(int site) const;                       // and healthy
  int live_count() const { return sites_.live_count(); }  // of the admitted sites
  // The shards that could take over all of this one's seats, with what sites have seen of them. None: they
  // cannot.
  std::optional<std::set<int>> stand_ins() const;
  // This shard is the backup of the seat, and holds the fragment.
  bool can_take(std::uint32_t fragment) const;
  Version version(std::uint32_t fragment) const;
  // Why nothing is being committed, in words; empty where all is well.
  std::string waiting_for() const;
  // Contributions refused so far, by reason.
  std::map<Reason, std::uint64_t> const& rejections() const { return rejections_; }

  // Whether what its fragments count is what there is: for tests.
  bool has_true_standings() const;

  // At any time. The payloads of what the shard then holds are the driver's to save, one at most of a site in
  // a fragment: members of open rounds, and carried ones. Loading numbers them anew, 1, 2, ... in the order
  // of this list.
  std::vector<Member const*> held_members() const;
  void save(base::Writer& writer) const;
  void load(base::Reader const& reader, double now_s);
  // After load: a contribution, as it was sent, that was on its way when the state was saved. It arrives when
  // its site has said hello. Returns it as it then counts: of the site's new life.
  Contribution put_in_flight(int site, Contribution contribution, PayloadFacts facts);

 private:
  struct HeldReplica {
    Replica replica;
    PayloadHandle payload = 0;
  };

  // Everything that is due now, after what an event has led to already.
  std::vector<SyncerAction> advance(std::vector<SyncerAction> actions);
  // Of the fragments of one seat; the default is for what all have in common.
  Surroundings surroundings(std::uint32_t fragment = 0) const;
  OwnedFragment* find(std::uint32_t fragment);  // nullptr: not of this shard
  std::uint32_t seat_of(std::uint32_t fragment) const {
    return fragment % static_cast<std::uint32_t>(options_.shards);
  }
  void count(Reason reason, int times = 1);

  // In syncer_machine_seats.cpp.
  void carry_out(Seats::Changes const& changes, std::vector<SyncerAction>& actions);
  void take(std::uint32_t seat, std::vector<SyncerAction>& actions);
  void tell_seat(std::uint32_t seat, std::vector<SyncerAction>& actions) const;
  void drop(std::uint32_t seat, std::vector<SyncerAction>& actions);
  void keep(int shard, Replica const& replica, PayloadHandle payload, std::vector<SyncerAction>& actions);
  bool has_replicas(std::uint32_t seat, std::uint64_t term) const;
  double life_every_s() const;
  void show_life(std::vector<SyncerAction>& actions);
  std::set<int> electors() const;

  Options options_;
  Gate gate_;
  FragmentClock clock_;
  GraceWindow grace_;
  Membership sites_;
  Seats seats_;
  std::map<std::uint32_t, OwnedFragment> fragments_;
  std::map<std::uint32_t, HeldReplica> replicas_;  // of the fragments that this shard is the backup of
  double showed_life_s_ = 0.0;
  std::optional<Purpose> rest_;  // between on_hold and on_go
  double last_advance_s_ = 0.0;
  std::vector<std::vector<Progress::Fragment>> said_at_rest_;  // by site, of all fragments
  double now_s_ = 0.0;                                         // of the last event
  std::map<Reason, std::uint64_t> rejections_;
};

}  // namespace atl::protocol
