// A site's side of the outer protocol (PROTOCOL.md §1). Pure: events in, actions out. Every rank of a site
// runs the same machine on the same events, so all ranks decide alike without asking one another.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <variant>
#include <vector>

#include "base/archive.hpp"
#include "deck/config.hpp"
#include "protocol/ledger.hpp"
#include "protocol/send.hpp"
#include "protocol/site_fragment.hpp"

namespace atl::protocol {

// A release that the leader holds whole and verified. Without a payload: a difference to a version that it
// does not hold, of which only the fate can be heard.
struct HeldRelease {
  Release release;
  PayloadHandle payload = 0;
};

// A donor's state that the leader holds whole and verified.
struct HeldState {
  StateData state;
  PayloadHandle payload = 0;
};

// What may reach a site at a boundary: it travels in the record, so all ranks see the same.
using SiteEvent = std::variant<HeldRelease, Pull, Cancel, FateNotice, Hold, Save, Go, Welcome, Seat,
                               PromiseRequest, StateRequest, HeldState, Marker, Depart>;

// One inner step of the whole site.
struct StepDone {
  std::uint64_t tokens = 0;
  double step_s = 0.0;
  double loss = 0.0;
  bool stop_requested = false;
};

struct Adopt {
  std::uint32_t fragment = 0;
  Version version;
  PayloadHandle payload = 0;
  AdoptRule rule = AdoptRule::overwrite;
};
// The payload of a release that a newer one has made moot.
struct Discard {
  PayloadHandle payload = 0;
};
// Take a snapshot of the fragment and send base - theta, coded, to its owner.
struct Contribute {
  Contribution contribution;
  int owner = 0;  // the shard
};
// What became of the fragment's last contribution is known. `advanced`: its values count (merged or carried),
// and with them the codec's new residual; else the residual is what it was before.
struct Settled {
  std::uint32_t fragment = 0;
  bool advanced = false;
};
struct SendProgress {
  Progress progress;
};
struct SendHeld {
  Held held;
};
struct WriteState {
  Save save;
};
// Write the state as it is now, then send the marker on both lanes to all shards.
struct Cut {
  Marker marker;
};
struct Leave {};  // the run is over for this site, or it departs and has given all it had
// Send this rank's inner moments, as they are now, to a site that heals.
struct GiveState {
  int site = 0;
  StateData state;
};
// Take a donor's inner moments; the payload is then no longer needed.
struct TakeState {
  PayloadHandle payload = 0;
};
struct TellShards {
  Message message;  // to all of them
};

using SiteAction = std::variant<Adopt, Discard, Settled, Contribute, SendProgress, SendHeld, WriteState, Cut,
                                Leave, SendToSite, GiveState, TakeState, TellShards>;

class SiteMachine {
 public:
  // The schedule of the synchronous methods: at its own step s = t_p (mod interval) a site contributes
  // fragment p unasked to round s, and adopts what that round made at step s + overlap, neither earlier nor
  // later.
  struct Rounds {
    std::uint64_t interval = 1;
    std::uint64_t overlap = 0;  // < interval
  };
  struct Options {
    int site = 0;
    int fragments = 1;  // 0: data_parallel, there is nothing to exchange
    int shards = 1;
    std::uint64_t incarnation = 1;
    bool heals = false;  // a life after the first within a run: takes a donor's moments and step
    deck::Receive receive = deck::Receive::overwrite;
    deck::Late late = deck::Late::drop;
    int in_flight = 2;             // contributions that may be on their way at once
    std::uint64_t last_step = 0;   // > 0: hold after this many own steps
    std::optional<Rounds> rounds;  // diloco, streaming
  };

  explicit SiteMachine(Options options);

  // The boundary after a step (`done`), or while the site stands still (no `done`): counts the step, adopts,
  // answers pulls, reports progress, in this order. Actions are carried out in the order given. A site that
  // stands still must come here now and then as well: its progress is its sign of life.
  std::vector<SiteAction> on_boundary(std::optional<StepDone> const& done, std::span<SiteEvent const> events);

  // A site trains unless it has no parameters yet, or stands still for a quiet point.
  bool is_ready() const;    // every fragment has been adopted once, and it has healed
  bool is_holding() const;  // stand still: wait for events, take no step
  bool is_waiting()
      const;  // synchronous methods: stand still, for a release that is to be adopted at this step
  std::uint64_t step() const { return step_; }
  std::uint64_t incarnation() const { return options_.incarnation; }
  int fragments() const { return options_.fragments; }
  LedgerRow const& ledger(int fragment) const {
    return fragments_.at(static_cast<std::size_t>(fragment)).ledger();
  }
  Version base(int fragment) const { return fragments_.at(static_cast<std::size_t>(fragment)).base(); }

  // Instead of load, for a site that joins at a checkpoint: as far as the site whose moments it takes.
  void start_at(std::uint64_t step) { step_ = step; }

  // Loading raises the incarnation by one; every fragment then counts as adopted at the saved version, theta
  // as the driver restored it. Releases, pulls and fates that were on their way come again; contributions
  // that were are saved by the shards.
  void save(base::Writer& writer) const;
  void load(base::Reader const& reader);

 private:
  // What Save and Go leave to be done once progress is reported.
  struct RestOrders {
    std::optional<Save> save;
    bool leave = false;
  };

  // What a site knows of the owner of the fragments p = seat (mod S).
  struct Owner {
    int shard = 0;
    std::uint64_t term = 0;
    std::uint64_t claimed = 0;  // the newest that a shard said to be its own, with the promises of a majority
    std::uint64_t promised = 0;  // nothing of an older term is obeyed
    int promised_to = 0;
  };

  void count(StepDone const& done);
  // In site_machine_owners.cpp.
  void take_owners(std::span<SiteEvent const> events, std::vector<SiteAction>& actions);
  void take_seat(Seat const& seat);
  void promise(PromiseRequest const& request);
  Promise promise_of(std::size_t seat) const;
  void heal(std::span<SiteEvent const> events, std::vector<SiteAction>& actions);
  void give_state(std::span<SiteEvent const> events, std::vector<SiteAction>& actions);
  bool obeys(std::uint32_t fragment, std::uint64_t term);  // else whoever sent it will hear of the promise
  bool is_of_owner(Release const& release) const;
  Owner& owner_of(std::uint32_t fragment) { return owners_[fragment % owners_.size()]; }
  Owner const& owner_of(std::uint32_t fragment) const { return owners_[fragment % owners_.size()]; }

  void note_fates(std::span<SiteEvent const> events);
  void take_in(std::span<SiteEvent const> events);
  RestOrders take_rest_orders(std::span<SiteEvent const> events);
  void adopt_newest(std::span<SiteEvent const> events, std::vector<SiteAction>& actions);
  void settle(std::vector<SiteAction>& actions);
  void contribute_unasked(std::vector<SiteAction>& actions);
  void answer_pulls(std::vector<SiteAction>& actions);
  Progress report();
  bool is_at_end() const;  // no step comes before the run ends
  bool is_due(SiteFragment const& fragment) const;
  Contribute contribution_of(SiteFragment& fragment, std::uint64_t round);
  bool can_rest(SiteFragment const& fragment) const;
  bool has_given_all() const;
  SiteFragment* find(std::uint32_t fragment);  // nullptr: there is no such fragment

  Options options_;
  std::vector<SiteFragment> fragments_;
  std::vector<Owner> owners_;              // by seat
  std::set<std::size_t> to_tell_;          // seats whose promise is to be told
  std::set<std::uint32_t> without_donor_;  // seats whose owner knows of none
  bool heals_ = false;
  std::map<std::uint32_t, HeldRelease> kept_;                // by fragment: to be adopted, perhaps not yet
  std::vector<std::optional<Progress::Fragment>> reported_;  // what was last told of each
  std::uint64_t step_ = 0;
  std::uint64_t boundary_ = 0;
  std::optional<Hold> hold_;
  bool owes_held_ = false;        // to `hold_`
  bool departs_ = false;          // as soon as it has given all it had
  std::optional<double> step_s_;  // EMA
  double loss_ = 0.0;
  bool stop_requested_ = false;
};

}  // namespace atl::protocol
