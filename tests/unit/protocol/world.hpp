// Whole runs of the protocol in virtual time: sites, shards and the links between them, all decided by a
// seed.
//
// Parameters are tallies: how often each step of each site is in a value. Sums of tallies are exact, so a
// world knows at every moment whether a step was merged twice or lost, and it checks that against the ledgers
// after every event.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <queue>
#include <string>
#include <tuple>
#include <vector>

#include "base/rng.hpp"
#include "protocol/quiet_point.hpp"
#include "protocol/site_machine.hpp"
#include "protocol/syncer_machine.hpp"
#include "protocol/tape.hpp"
#include "support/memory_archive.hpp"

namespace atl::test {

struct Stall {
  int site = 0;
  double from_s = 0.0;
  double to_s = 0.0;
};

struct WorldOptions {
  int sites = 2;
  int shards = 1;
  deck::OuterSection outer;
  bool synchronous = false;  // diloco, streaming: rounds unasked, each site takes `steps` of its own
  bool stops_each = false;   // the same end for sites that do not wait
  std::uint64_t steps = 60;  // on the clock of shard 0, unless `stops_each`; then the run finishes
  std::uint64_t checkpoint_every = 0;   // on that clock; 0: never
  std::vector<double> step_s = {1, 1};  // by site
  double control_delay_s = 0.0;
  double bulk_delay_s = 0.0;
  double jitter = 0.0;             // a delay is up to this many times longer
  double corrupted_share = 0.0;    // of the contributions
  double poisoned_share = 0.0;     // of the contributions: of a thousand times the usual norm
  double duplicated_share = 0.0;   // of the contributions
  bool replaces_releases = false;  // a release under way may be replaced by a newer one
  double damaged_share = 0.0;      // of the releases that are differences
  std::vector<Stall> stalls;
  double patience_s = 1000.0;
  std::uint64_t seed = 1;
  bool tapes = false;  // every process writes its tape
};

protocol::SiteMachine::Options site_options(WorldOptions const& options);

// How often each step of each site is in a value of one fragment.
using Tally = std::vector<int>;

Tally moved(Tally const& a, Tally const& b, Tally const& c);  // a + b - c
// What adopting `released` makes of a site's copies of a fragment.
void take_over(protocol::AdoptRule rule, Tally const& released, Tally& theta, Tally& base, Tally& snapshot);

struct CommitSeen {
  double time_s = 0.0;
  protocol::Commit commit;
};

// What a run went through, to know that a test tested something.
struct Sightings {
  int events = 0;
  int overwrites = 0, blends = 0, rebases_on_snapshot = 0, rebases_on_base = 0;
  int carried_members = 0, waits = 0, kept_contributions = 0, restored_members = 0;
  int adoptions_with_open_fate = 0;
  int differences = 0, useless_differences = 0;
  int most_on_their_way = 0;
  std::map<protocol::Reason, std::uint64_t> rejections;
};

class World {
 public:
  explicit World(WorldOptions options);

  // Until every site has left, or virtual time is up (then `failure` says so).
  void run(double until_s = 1e5);
  // Everything stops, and goes on from the last sealed set.
  void restart();

  // Empty, or the first thing that went wrong.
  std::string const& failure() const { return failure_; }
  bool is_over() const { return quiet_->is_over(); }

  std::vector<CommitSeen> const& commits() const { return commits_; }
  std::vector<protocol::Seal> const& seals() const { return seals_; }
  std::vector<std::string> const& given_up() const { return given_up_; }
  protocol::SiteMachine const& site(int m) const { return sites_.at(static_cast<std::size_t>(m)).machine; }
  std::vector<double> const& step_times_s(int m) const {
    return sites_.at(static_cast<std::size_t>(m)).stepped_s;
  }
  // Work of site m that is in Theta of fragment p.
  protocol::Work work_in_theta(int m, int p) const;
  // That theta and base of a live site are what they should be after a finish.
  std::string check_end() const;
  Sightings sightings() const;
  // Of every process; empty unless `tapes`.
  std::map<protocol::Participant, std::vector<protocol::TapeEntry>> const& tapes() const { return tapes_; }
  std::size_t capacity() const { return capacity_; }

 private:
  struct Site {
    protocol::SiteMachine machine;
    std::vector<Tally> theta, base, snapshot;  // by fragment
    std::deque<protocol::SiteEvent> inbox;
    std::vector<double> stepped_s;
    std::vector<bool> unsettled{};  // by fragment: a contribution whose residual hangs in the air
    int welcomes = 0;               // by shards; a site joins before it trains
    int on_their_way = 0;           // contributions that have not arrived yet
    std::uint64_t wake = 0;         // of the boundary to come; earlier plans are void
    bool left = false;
  };
  struct Shard {
    protocol::SyncerMachine machine;
    std::map<std::uint32_t, Tally> theta;
    std::map<std::uint32_t, Tally> step{};              // what the last commit added
    std::map<protocol::PayloadHandle, Tally> restored;  // what it held when it was saved
    std::optional<std::uint64_t> to_answer;             // the Hold that no Held was sent for yet
    std::vector<bool> was_live;                         // each site, when this shard last came to rest
    std::uint64_t wake = 0;
  };
  struct SavedSite {
    Values values;
    std::vector<Tally> theta, base;
    std::vector<bool> unsettled;
  };
  struct SavedShard {
    Values values;
    std::map<std::uint32_t, Tally> theta;
    std::vector<Tally> held;
  };
  struct Event {
    double time_s = 0.0;
    std::uint64_t order = 0;
    std::function<void()> happens;
    bool operator<(Event const& other) const {
      return std::tie(other.time_s, other.order) < std::tie(time_s, order);
    }
  };
  using Channel = std::tuple<int, int, bool, bool>;  // site or -1 - shard, shard, from the site, bulk

  bool ends_by_itself() const { return options_.synchronous || options_.stops_each; }
  bool trains(Site const& site) const;
  void start();
  void load_saved();
  void at(double time_s, std::function<void()> happens);
  double uniform() { return random_.uniform(options_.seed, draws_++); }
  void send(Channel const& channel, std::function<void()> arrives);
  protocol::PayloadHandle keep(Tally tally);
  Tally take(protocol::PayloadHandle payload);
  Tally take_at(int shard, protocol::PayloadHandle payload);
  void fail(std::string const& why);
  std::size_t slot(int site, std::uint64_t step) const;
  std::uint64_t tokens_of(int site, std::uint64_t step) const { return 10 + (7 * step + site) % 5; }
  protocol::Work work_in(Tally const& tally, int site) const;
  std::optional<double> stalled_until(int site) const;

  // world_site.cpp
  void plan_boundary(int m, double time_s);
  void boundary(int m);
  void deliver(int m, protocol::SiteEvent event);
  void act(int m, protocol::SiteAction const& action);
  void send_progress(int m, protocol::Progress const& progress);
  void write_state(int m, protocol::Save const& save);
  void leave(Site& site);
  void adopt(Site& site, protocol::Adopt const& adopt);
  void contribute(int m, protocol::Contribution const& contribution);
  void check_site(int m);

  // world_shard.cpp
  void on_shard(int s,
                std::function<std::vector<protocol::SyncerAction>(protocol::SyncerMachine&)> const& event);
  void act(int s, protocol::SyncerAction const& action);
  void commit(int s, protocol::Commit const& commit);
  void release(int s, protocol::SendRelease const& order);
  protocol::HeldRelease make_whole(int m, protocol::HeldRelease held);
  void save_shard(int s, protocol::Save const& save);
  void watch_clock();
  void on_quiet(std::vector<protocol::QuietAction> const& actions);
  void to_all(protocol::Message const& message);
  void tell_shard(int s, protocol::Message const& message);
  void answer_hold(int s);

  // world_tape.cpp
  void tape(protocol::Participant who, protocol::TapeEntry entry);
  void tape_starts();
  void tape_boundary(int m, std::optional<protocol::StepDone> const& done,
                     std::vector<protocol::SiteEvent> const& events);
  void tape_arrival(int m, int s, protocol::Contribution const& contribution, protocol::PayloadHandle payload,
                    std::map<protocol::Reason, std::uint64_t> const& refused_before);
  void tape_discard(int s, protocol::PayloadHandle payload);
  void tape_commit(int s, protocol::Commit const& commit);

  WorldOptions options_;
  base::Philox random_;
  std::uint64_t draws_ = 0;
  std::uint64_t capacity_ = 0;  // steps of a site that a tally has room for
  double now_s_ = 0.0;
  std::uint64_t order_ = 0;
  std::priority_queue<Event> events_;
  std::map<Channel, double> last_arrival_;
  std::map<protocol::PayloadHandle, Tally> payloads_;
  protocol::PayloadHandle last_payload_ = 1000;  // a shard numbers those it restores from 1
  std::map<std::pair<int, std::uint32_t>, std::uint64_t>
      newest_release_;  // site, fragment: number of the last sent
  std::uint64_t releases_ = 0;
  // site, fragment: what differences can be added to
  std::map<std::pair<int, std::uint32_t>, std::pair<protocol::Version, Tally>> whole_;
  // Synchronous: what every site must do alike, before a restart and after it.
  std::map<std::pair<std::uint32_t, std::uint64_t>, std::uint64_t> step_of_adoption_;  // fragment, version
  std::map<std::pair<std::uint32_t, std::uint64_t>, Tally> theta_of_;
  std::vector<Site> sites_;
  std::vector<Shard> shards_;
  std::optional<protocol::QuietPoint> quiet_;
  std::uint64_t quiet_wake_ = 0;
  std::uint64_t next_checkpoint_ = 0;
  std::map<int, SavedSite> being_saved_sites_, saved_sites_;
  std::map<int, SavedShard> being_saved_shards_, saved_shards_;
  std::vector<CommitSeen> commits_;
  std::vector<protocol::Seal> seals_;
  std::vector<std::string> given_up_;
  Sightings seen_;
  std::uint64_t lives_ = 0;
  std::map<protocol::Participant, std::vector<protocol::TapeEntry>> tapes_;
  std::map<std::pair<int, protocol::PayloadHandle>, protocol::TapedDiscard>
      arrived_;  // by shard: as if discarded
  std::string failure_;
};

}  // namespace atl::test
