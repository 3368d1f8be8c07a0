// One fragment as its site sees it: base, ledger row, the pull that stands, the contribution under way
// (PROTOCOL.md §1).
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "base/archive.hpp"
#include "deck/config.hpp"
#include "protocol/ledger.hpp"
#include "protocol/message.hpp"

namespace atl::protocol {

// How theta changes when Theta is adopted; afterwards the base is Theta.
enum class AdoptRule {
  overwrite,           // theta <- Theta
  blend,               // theta <- alpha theta + (1 - alpha) Theta
  rebase_on_snapshot,  // theta <- Theta + (theta - snapshot): the contribution was merged
  // theta <- Theta + (theta - old base), snapshot <- Theta + (snapshot - old base): there is no contribution,
  // it was not merged, or its fate is open and the snapshot may yet be needed.
  rebase_on_base,
};

// At a boundary, in this order: count, take in what the events say (note_*, stand, cancel), adopt, settle,
// contribute.
class SiteFragment {
 public:
  // `unless_said`: what the release of its round means for a contribution that no fate speaks of. dropped;
  // merged where a round closes with all or not at all; none where late ones are carried, since its word is
  // to come.
  SiteFragment(std::uint32_t index, Outcome unless_said) : index_(index), unless_said_(unless_said) {}

  void count(Work const& step);

  // Ignored unless it is of the contribution under way or carried, and its end was not known.
  void note_fate(Fate const& fate);
  // The owner has closed this round and all before.
  void note_closed(std::uint64_t round);
  // Ignored where this round is over or answered. `boundary` orders the fragments of a site.
  void stand(Pull const& pull, std::uint64_t boundary);
  void cancel(std::uint64_t round);
  // It came as a difference that is of no use here: it must be sent whole.
  void note_lack(Release const& release);
  // Another owner, which has said all that became of earlier contributions: what it did not name is dropped.
  // It goes on from the versions of the term `from`.
  void change_owner(std::uint64_t term, std::uint64_t from);

  bool is_newer(Release const& release) const { return !adopted_ || release.version > base_; }
  AdoptRule adopt(Release const& release, deck::Receive receive);
  // Books what the fates say. True or false where that of the last contribution has just become known:
  // whether its values count.
  std::optional<bool> settle();

  // Something was trained since the base, and no earlier contribution is in the way.
  bool can_contribute() const { return adopted_ && !sent_ && !ledger_.unsent.is_none(); }
  std::optional<std::uint64_t> standing_round() const;  // of the pull that stands
  struct Occasion {
    std::uint64_t round = 0;
    std::uint64_t incarnation = 0;
    std::uint64_t step = 0;
  };
  Contribution contribute(Occasion const& occasion);

  std::uint32_t index() const { return index_; }
  bool is_adopted() const { return adopted_; }
  bool is_fate_open() const { return sent_ && sent_->outcome == Outcome::none; }
  // The round that was contributed to and whose release theta does not know yet.
  std::optional<std::uint64_t> contributed_round() const;
  bool is_on_its_way() const { return is_fate_open() && !sent_->received; }
  std::uint64_t standing_since() const { return standing_since_; }
  Version base() const { return base_; }
  LedgerRow const& ledger() const { return ledger_; }
  Progress::Fragment progress() const;

  void save(base::Writer& writer) const;
  void load(base::Reader const& reader);

 private:
  struct Sent {
    std::uint64_t round = 0;
    Work work;  // pending; none once booked
    Outcome outcome = Outcome::none;
    bool received = false;  // by the owner
    bool in_theta = true;   // theta - base holds it
    bool is_told = false;   // settle() has said whether its values count
  };

  void book(Sent& sent);
  std::uint64_t oldest_open_round() const;  // 0: none

  std::uint32_t index_;
  Outcome unless_said_;
  bool adopted_ = false;
  Version base_;
  LedgerRow ledger_;
  std::optional<Pull> standing_;
  std::uint64_t standing_since_ = 0;
  // Kept until theta no longer holds it: a merged one comes back with a newer release, until when
  // contributing again would merge the same steps twice.
  std::optional<Sent> sent_;
  // Late, gone from theta, and waiting at the owner for its next round; more than one only until the news of
  // an older one's end, which a release may overtake.
  std::vector<Sent> carried_;
  std::uint64_t done_round_ = 0;  // answered, cancelled or closed, and with it all before
  Version lacks_;                 // the newest that must be, or was, sent whole for that
};

}  // namespace atl::protocol
