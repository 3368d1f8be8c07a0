// A site's side of the outer protocol (protocol.md §1). Pure: events in, actions out. Every rank of a site runs the same
// machine on the same events, so all ranks decide alike without asking one another.
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

namespace atoll::protocol {

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

// How theta changes when Theta is adopted; afterwards the base is Theta.
enum class AdoptRule {
  overwrite,           // theta <- Theta
  rebase_on_snapshot,  // theta <- Theta + (theta - snapshot): the contribution was merged
  rebase_on_base,      // theta <- Theta + (theta - old base): it was not
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
// Take a snapshot of the fragment and send base - theta to its owner.
struct Contribute {
  Contribution contribution;
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

using SiteAction = std::variant<Adopt, Discard, Contribute, SendProgress, SendHeld, WriteState, Leave>;

class SiteMachine {
 public:
  struct Options {
    int fragments = 1;  // 0: data_parallel, there is nothing to exchange
    std::uint64_t incarnation = 1;
    deck::Receive receive = deck::Receive::overwrite;
    int in_flight = 2;            // contributions whose fate may be open at once
    std::uint64_t last_step = 0;  // > 0: hold after this many own steps (data_parallel)
  };

  explicit SiteMachine(Options options);

  // The boundary after a step (`done`), or while the site stands still (no `done`): counts the step, adopts, answers
  // pulls, reports progress, in this order. Actions are carried out in the order given.
  std::vector<SiteAction> on_boundary(std::optional<StepDone> const& done, std::span<SiteEvent const> events);

  // A site trains unless it has no parameters yet, or stands still for a quiet point.
  bool is_ready() const;    // every fragment has been adopted once
  bool is_holding() const;  // stand still: wait for events, take no step
  std::uint64_t step() const { return step_; }
  LedgerRow const& ledger(int fragment) const { return fragments_.at(static_cast<std::size_t>(fragment)).ledger; }
  Version base(int fragment) const { return fragments_.at(static_cast<std::size_t>(fragment)).base; }

  // At a quiet point only. Loading raises the incarnation by one.
  void save(base::Writer& writer) const;
  void load(base::Reader const& reader);

 private:
  struct FragmentState {
    bool adopted = false;
    Version base;
    LedgerRow ledger;
    std::optional<Pull> standing;  // a pull not answered yet
    std::uint64_t round = 0;       // of the pending contribution
    bool merged = false;           // its fate is known, the release is not here yet
  };

  Options options_;
  std::vector<FragmentState> fragments_;
  std::uint64_t step_ = 0;
  std::optional<Hold> hold_;
};

}  // namespace atoll::protocol
