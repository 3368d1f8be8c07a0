// One fragment as its site sees it: base, ledger row, the pull that stands, the contribution under way
// (PROTOCOL.md §1).
#pragma once

#include <cstdint>
#include <optional>

#include "base/archive.hpp"
#include "deck/config.hpp"
#include "protocol/ledger.hpp"
#include "protocol/message.hpp"

namespace atl::protocol {

// How theta changes when Theta is adopted; afterwards the base is Theta.
enum class AdoptRule {
  overwrite,           // theta <- Theta
  rebase_on_snapshot,  // theta <- Theta + (theta - snapshot): the contribution was merged
  // theta <- Theta + (theta - old base), snapshot <- Theta + (snapshot - old base): there is no contribution,
  // it was not merged, or its fate is open and the snapshot may yet be needed.
  rebase_on_base,
};

// At a boundary, in this order: count, take in what the events say (note_*, stand, cancel), adopt, settle,
// contribute.
class SiteFragment {
 public:
  explicit SiteFragment(std::uint32_t index) : index_(index) {}

  void count(Work const& step);

  // Ignored unless it is of the contribution under way and its end was not known.
  void note_fate(Fate const& fate);
  // The owner has closed this round and all before: what went there and was not called merged is not merged.
  void note_closed(std::uint64_t round);
  // Ignored where this round is over or answered. `boundary` orders the fragments of a site.
  void stand(Pull const& pull, std::uint64_t boundary);
  void cancel(std::uint64_t round);

  bool is_newer(Release const& release) const { return !adopted_ || release.version > base_; }
  AdoptRule adopt(Release const& release, deck::Receive receive);
  // Books what the fate of the contribution says.
  void settle();

  // A pull stands, something was trained since the base, and no earlier contribution is in the way.
  bool can_contribute() const { return adopted_ && standing_ && !sent_ && !ledger_.unsent.is_none(); }
  Contribution contribute(std::uint64_t incarnation, std::uint64_t step);

  std::uint32_t index() const { return index_; }
  bool is_adopted() const { return adopted_; }
  bool is_fate_open() const { return sent_ && sent_->outcome == Outcome::none; }
  // Adopted, and no contribution under way: what is known of the fragment here is all that there is to know.
  bool is_at_rest() const { return adopted_ && !sent_; }
  bool is_on_its_way() const { return is_fate_open() && !sent_->received; }
  std::uint64_t standing_since() const { return standing_since_; }
  Version base() const { return base_; }
  LedgerRow const& ledger() const { return ledger_; }
  Progress::Fragment progress() const;

  void save(base::Writer& writer) const;
  void load(base::Reader const& reader);

 private:
  // Kept until theta no longer holds it: a merged one comes back with a newer release, until when
  // contributing again would merge the same steps twice.
  struct Sent {
    std::uint64_t round = 0;
    Outcome outcome = Outcome::none;
    bool received = false;  // by the owner
    bool in_theta = true;   // theta - base holds it
  };

  std::uint32_t index_;
  bool adopted_ = false;
  Version base_;
  LedgerRow ledger_;
  std::optional<Pull> standing_;
  std::uint64_t standing_since_ = 0;
  std::optional<Sent> sent_;
  std::uint64_t done_round_ = 0;  // answered, cancelled or closed, and with it all before
};

}  // namespace atl::protocol
