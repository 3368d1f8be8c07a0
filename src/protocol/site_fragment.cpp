#include "protocol/site_fragment.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <string>
#include <utility>

#include "protocol/saved_state.hpp"

namespace atl::protocol {

namespace {

bool is_end(Outcome outcome) {
  return outcome == Outcome::merged || outcome == Outcome::dropped || outcome == Outcome::rejected;
}

}  // namespace

void SiteFragment::count(Work const& step) {
  ledger_.processed += step;
  ledger_.unsent += step;
}

void SiteFragment::note_fate(Fate const& fate) {
  for (auto& carried : carried_) {
    if (carried.round == fate.round && is_end(fate.outcome)) carried.outcome = fate.outcome;
  }
  if (!sent_ || sent_->round != fate.round || is_end(sent_->outcome) || fate.outcome == Outcome::none) return;
  if (fate.outcome == Outcome::absent) return note_closed(fate.round);
  sent_->received = true;
  if (fate.outcome != Outcome::received) sent_->outcome = fate.outcome;
}

void SiteFragment::note_closed(std::uint64_t round) {
  if (is_fate_open() && sent_->round <= round) sent_->outcome = unless_said_;
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

void SiteFragment::change_owner(std::uint64_t term, std::uint64_t from) {
  if (sent_ && !is_end(sent_->outcome)) sent_->outcome = Outcome::dropped;
  for (auto& carried : carried_) {
    if (!is_end(carried.outcome)) carried.outcome = Outcome::dropped;
  }
  // The new owner holds what this site has seen of that term; its base is the same in both.
  if (base_.term == from) base_.term = term;
  cancel(first_round_of(term));
}

void SiteFragment::note_lack(Release const& release) {
  lacks_ = std::max(lacks_, release.version);
  cancel(release.round);  // a pull for a round that is closed is void
}

AdoptRule SiteFragment::adopt(Release const& release, deck::Receive receive) {
  AdoptRule rule = AdoptRule::overwrite;
  // What was never trained has nothing of its own to blend in: a site begins with a version, not with a mean.
  bool const has_trained = !ledger_.processed.is_none();
  if (adopted_ && has_trained && receive == deck::Receive::blend) rule = AdoptRule::blend;
  if (adopted_ && receive == deck::Receive::rebase) {
    bool const merged = sent_ && sent_->outcome == Outcome::merged;
    rule = merged ? AdoptRule::rebase_on_snapshot : AdoptRule::rebase_on_base;
  } else {
    ledger_.overwritten += std::exchange(ledger_.unsent, {});
  }
  if (rule != AdoptRule::rebase_on_base && sent_) sent_->in_theta = false;
  adopted_ = true;
  base_ = release.version;
  cancel(release.round);  // a pull for a round that is closed is void
  return rule;
}

std::optional<bool> SiteFragment::settle() {
  for (auto& carried : carried_) {
    if (is_end(carried.outcome)) book(carried);
  }
  std::erase_if(carried_, [](Sent const& carried) { return is_end(carried.outcome); });
  if (!sent_ || is_fate_open()) return std::nullopt;
  bool const is_news = !std::exchange(sent_->is_told, true);
  bool const is_merged = sent_->outcome == Outcome::merged;
  bool const is_carried = sent_->outcome == Outcome::carried;
  if (!is_carried) book(*sent_);
  bool const stays = (is_merged || is_carried) && sent_->in_theta;
  if (is_carried && !stays) carried_.push_back(*sent_);
  if (!stays) sent_.reset();
  return is_news ? std::optional(is_merged || is_carried) : std::nullopt;
}

void SiteFragment::book(Sent& sent) {
  Work const work = std::exchange(sent.work, {});
  ledger_.pending -= work;
  if (sent.outcome == Outcome::merged) {
    ledger_.merged += work;
  } else if (sent.in_theta) {
    ledger_.unsent += work;
  } else if (sent.outcome == Outcome::rejected) {
    ledger_.rejected += work;
  } else {
    ledger_.dropped += work;
  }
}

std::optional<std::uint64_t> SiteFragment::standing_round() const {
  return standing_ ? std::optional(standing_->round) : std::nullopt;
}

std::optional<std::uint64_t> SiteFragment::contributed_round() const {
  return sent_ ? std::optional(sent_->round) : std::nullopt;
}

std::uint64_t SiteFragment::oldest_open_round() const {
  std::uint64_t oldest = sent_ && !is_end(sent_->outcome) ? sent_->round : 0;
  for (auto const& carried : carried_) oldest = oldest == 0 ? carried.round : std::min(oldest, carried.round);
  return oldest;
}

Contribution SiteFragment::contribute(Occasion const& occasion) {
  cancel(occasion.round);
  Work const work = std::exchange(ledger_.unsent, {});
  sent_ = Sent{.round = occasion.round, .work = work};
  ledger_.pending += work;
  return {.fragment = index_,
          .round = occasion.round,
          .incarnation = occasion.incarnation,
          .base = base_,
          .step = occasion.step,
          .work = work};
}

Progress::Fragment SiteFragment::progress() const {
  return {.fragment = index_,
          .base = base_,
          .unsent = ledger_.unsent,
          .pending = is_fate_open() ? sent_->round : 0,
          .round = done_round_,
          .open_round = oldest_open_round(),
          .lacks = lacks_};
}

namespace {

template <class Row>
auto parts_of(Row& row) {
  return std::array{std::pair{"processed", &row.processed},     std::pair{"merged", &row.merged},
                    std::pair{"pending", &row.pending},         std::pair{"unsent", &row.unsent},
                    std::pair{"overwritten", &row.overwritten}, std::pair{"dropped", &row.dropped},
                    std::pair{"rejected", &row.rejected}};
}

}  // namespace

// Pulls come again; of what is under way the shards know, at the latest when its marker has come.
void SiteFragment::save(base::Writer& writer) const {
  writer.write("base", std::array{std::uint64_t{0}, base_.commits});
  writer.write("round", without_term(done_round_));
  for (auto const& [name, work] : parts_of(ledger_))
    writer.write(name, std::array{work->steps, work->tokens});
  auto const put = [&](std::string const& name, Sent const& sent) {
    writer.write(name, std::array{without_term(sent.round), static_cast<std::uint64_t>(sent.outcome),
                                  sent.work.steps, sent.work.tokens, std::uint64_t{sent.in_theta}});
  };
  put("sent", sent_.value_or(Sent{}));
  writer.write("carried", std::uint64_t{carried_.size()});
  for (std::size_t i = 0; i < carried_.size(); ++i) put(fmt::format("carried_{}", i), carried_[i]);
}

void SiteFragment::load(base::Reader const& reader) {
  auto const [term, commits] = read_numbers<2>(reader, "base");
  base_ = {.term = term, .commits = commits};
  done_round_ = reader.read_uint("round");
  ledger_ = {};
  for (auto const& [name, work] : parts_of(ledger_)) {
    auto const [steps, tokens] = read_numbers<2>(reader, name);
    *work = {.steps = steps, .tokens = tokens};
  }
  Work pending;
  auto const get = [&](std::string const& name) -> std::optional<Sent> {
    auto const [round, outcome, steps, tokens, in_theta] = read_numbers<5>(reader, name);
    if (outcome > static_cast<std::uint64_t>(Outcome::carried))
      refuse_state(fmt::format("'{}' has no such fate", name));
    pending += {steps, tokens};
    if (round == 0) return std::nullopt;
    auto const fate = static_cast<Outcome>(outcome);
    return Sent{.round = round,
                .work = {steps, tokens},
                .outcome = fate,
                .received = true,
                .in_theta = in_theta != 0,
                .is_told = fate != Outcome::none};
  };
  sent_ = get("sent");
  carried_.clear();
  std::uint64_t const carried = reader.read_uint("carried");
  for (std::uint64_t i = 0; i < carried; ++i) {
    if (auto const sent = get(fmt::format("carried_{}", i))) carried_.push_back(*sent);
  }
  if (!ledger_.is_balanced() || pending != ledger_.pending)
    refuse_state("the ledger of a fragment does not balance");
  adopted_ = true;
  standing_.reset();
}

}  // namespace atl::protocol
