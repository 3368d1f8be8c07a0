// A site's side of the outer protocol (PROTOCOL.md §1). Pure: events in, actions out. Every rank of a site
// runs the same machine on the same events, so all ranks decide alike without asking one another.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <variant>
#include <vector>

#include "base/archive.hpp"
#include "deck/config.hpp"
#include "protocol/ledger.hpp"
#include "protocol/message.hpp"
#include "protocol/site_fragment.hpp"

namespace atl::protocol {

// A release that the leader holds whole and verified.
struct HeldRelease {
  Release release;
  PayloadHandle payload = 0;
};

// What may reach a site at a boundary: it travels in the record, so all ranks see the same.
using SiteEvent = std::variant<HeldRelease, Pull, Cancel, FateNotice, Hold, Save, Go>;

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
struct Leave {};  // the run is over for this site

using SiteAction =
    std::variant<Adopt, Discard, Settled, Contribute, SendProgress, SendHeld, WriteState, Leave>;

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
    int fragments = 1;  // 0: data_parallel, there is nothing to exchange
    std::uint64_t incarnation = 1;
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
  bool is_ready() const;    // every fragment has been adopted once
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

  // At a quiet point only: throws RuntimeFailure where a contribution is under way, except in the synchronous
  // methods, whose contributions wait at the shard. Loading raises the incarnation by one; every fragment
  // then counts as adopted at the saved version, theta as the driver restored it. A release that was here but
  // not adopted yet comes again.
  void save(base::Writer& writer) const;
  void load(base::Reader const& reader);

 private:
  // What Save and Go leave to be done once progress is reported.
  struct RestOrders {
    std::optional<Save> save;
    bool leave = false;
  };

  void count(StepDone const& done);
  void take_in(std::span<SiteEvent const> events);
  RestOrders take_rest_orders(std::span<SiteEvent const> events);
  void adopt_newest(std::span<SiteEvent const> events, std::vector<SiteAction>& actions);
  void settle(std::vector<SiteAction>& actions);
  void contribute_unasked(std::vector<SiteAction>& actions);
  void answer_pulls(std::vector<SiteAction>& actions);
  Progress report();
  bool is_at_end() const;  // no step comes before the run ends
  bool is_due(SiteFragment const& fragment) const;
  bool can_rest(SiteFragment const& fragment) const;
  SiteFragment* find(std::uint32_t fragment);  // nullptr: there is no such fragment

  Options options_;
  std::vector<SiteFragment> fragments_;
  std::vector<std::optional<HeldRelease>> kept_;             // by fragment: not to be adopted yet
  std::vector<std::optional<Progress::Fragment>> reported_;  // what was last told of each
  std::uint64_t step_ = 0;
  std::uint64_t boundary_ = 0;
  std::optional<Hold> hold_;
  bool owes_held_ = false;        // to `hold_`
  std::optional<double> step_s_;  // EMA
  double loss_ = 0.0;
  bool stop_requested_ = false;
};

}  // namespace atl::protocol
