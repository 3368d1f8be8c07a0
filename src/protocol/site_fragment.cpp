#include "protocol/site_fragment.hpp"

#include <algorithm>
#include <array>
#include <utility>
#include <vector>

#include "base/error.hpp"

namespace atl::protocol {

void SiteFragment::count(Work const& step) {
  ledger_.processed += step;
  ledger_.unsent += step;
}

void SiteFragment::note_fate(Fate const& fate) {
  if (!is_fate_open() || fate.round != sent_->round) return;
  bool const is_end = fate.outcome != Outcome::received && fate.outcome != Outcome::carried;
  if (is_end) sent_->outcome = fate.outcome;
  if (fate.outcome != Outcome::none) sent_->received = true;
}

void SiteFragment::note_closed(std::uint64_t round) {
  if (is_fate_open() && sent_->round <= round) sent_->outcome = Outcome::dropped;
}

void SiteFragment::stand(Pull const& pull, std::uint64_t boundary) {
  if (pull.round <= done_round_ || (standing_ && pull.round <= standing_->round)) return;
  standing_ = pull;
  standing_since_ = boundary;
}

void SiteFragment::cancel(std::uint64_t round) {
  done_round_ = std::max(done_round_, round);
  if (standing_ && standing_->round <= done_round_) standing_.reset();
}

AdoptRule SiteFragment::adopt(Release const& release, deck::Receive receive) {
  AdoptRule rule = AdoptRule::overwrite;
  if (adopted_ && receive == deck::Receive::rebase) {
    bool const merged = sent_ && sent_->outcome == Outcome::merged;
    rule = merged ? AdoptRule::rebase_on_snapshot : AdoptRule::rebase_on_base;
  }
  if (rule == AdoptRule::overwrite) ledger_.overwritten += std::exchange(ledger_.unsent, {});
  if (rule != AdoptRule::rebase_on_base && sent_) sent_->in_theta = false;
  adopted_ = true;
  base_ = release.version;
  cancel(release.round);  // a pull for a round that is closed is void
  return rule;
}

void SiteFragment::settle() {
  if (!sent_ || sent_->outcome == Outcome::none) return;
  Work const work = std::exchange(ledger_.pending, {});
  if (sent_->outcome == Outcome::merged) {
    ledger_.merged += work;
    if (sent_->in_theta) return;
  } else if (sent_->in_theta) {
    ledger_.unsent += work;
  } else if (sent_->outcome == Outcome::rejected) {
    ledger_.rejected += work;
  } else {
    ledger_.dropped += work;
  }
  sent_.reset();
}

Contribution SiteFragment::contribute(std::uint64_t incarnation, std::uint64_t step) {
  std::uint64_t const round = standing_->round;
  cancel(round);
  sent_ = Sent{.round = round};
  ledger_.pending = std::exchange(ledger_.unsent, {});
  return {.fragment = index_,
          .round = round,
          .incarnation = incarnation,
          .base = base_,
          .step = step,
          .work = ledger_.pending};
}

Progress::Fragment SiteFragment::progress() const {
  return {.fragment = index_,
          .base = base_,
          .unsent = ledger_.unsent,
          .pending = is_fate_open(),
          .round = done_round_};
}

namespace {

// The parts of a ledger row that can be more than nothing while no contribution is under way.
template <class Row>
auto saved_parts(Row& row) {
  return std::array{std::pair{"processed", &row.processed}, std::pair{"merged", &row.merged},
                    std::pair{"unsent", &row.unsent},       std::pair{"overwritten", &row.overwritten},
                    std::pair{"dropped", &row.dropped},     std::pair{"rejected", &row.rejected}};
}

std::array<std::uint64_t, 2> read_pair(base::Reader const& reader, char const* name) {
  auto const values = reader.read_uints(name);
  if (values.size() == 2) return {values[0], values[1]};
  throw base::InputError("checkpoint", std::string("'") + name + "' should be two numbers",
                         "the file is damaged; resume from another checkpoint");
}

}  // namespace

void SiteFragment::save(base::Writer& writer) const {
  base::ensure(is_at_rest(), "a site is saved only where no contribution is under way");
  writer.write("base", std::array{base_.term, base_.commits});
  writer.write("round", done_round_);
  for (auto const& [name, work] : saved_parts(ledger_))
    writer.write(name, std::array{work->steps, work->tokens});
}

void SiteFragment::load(base::Reader const& reader) {
  auto const [term, commits] = read_pair(reader, "base");
  base_ = {.term = term, .commits = commits};
  done_round_ = reader.read_uint("round");
  ledger_ = {};
  for (auto const& [name, work] : saved_parts(ledger_)) {
    auto const [steps, tokens] = read_pair(reader, name);
    *work = {.steps = steps, .tokens = tokens};
  }
  if (!ledger_.is_balanced()) {
    throw base::InputError("checkpoint", "the ledger of a fragment does not balance",
                           "the file is damaged; resume from another checkpoint");
  }
  adopted_ = true;
  standing_.reset();
  sent_.reset();
}

}  // namespace atl::protocol
