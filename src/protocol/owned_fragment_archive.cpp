// A shard's fragment at a quiet point, saved and restored, with the contributions that it holds then.
#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <ranges>

#include "protocol/owned_fragment.hpp"
#include "protocol/saved_state.hpp"

namespace atl::protocol {

namespace {

// site, whether it is carried, then the contribution but for its fragment, which the place says, the bits of
// its norm, whether that is unusual
using Numbers = std::array<std::uint64_t, 11>;

Numbers numbers_of(Member const& member, bool is_carried, bool is_unusual) {
  Contribution const& c = member.contribution;
  return {static_cast<std::uint64_t>(member.site),
          is_carried,
          without_term(c.round),
          c.incarnation,
          0,
          c.base.commits,
          c.step,
          c.work.steps,
          c.work.tokens,
          std::bit_cast<std::uint64_t>(member.norm),
          is_unusual};
}

// Of the next life of its site, which goes on with it.
Contribution contribution_in(std::uint32_t fragment, Numbers const& numbers) {
  return {.fragment = fragment,
          .round = numbers[2],
          .incarnation = numbers[3] + 1,
          .base = {numbers[4], numbers[5]},
          .step = numbers[6],
          .work = {numbers[7], numbers[8]}};
}

}  // namespace

std::vector<Member const*> OwnedFragment::held_members() const {
  std::vector<Member const*> held;
  for (int site = 0; site < static_cast<int>(copies_.size()); ++site) {
    if (auto const& carried = copy_of(site).carried) held.push_back(&*carried);
    if (!round_) continue;
    if (auto const member = round_->members.find(site); member != round_->members.end())
      held.push_back(&member->second);
  }
  return held;
}

void OwnedFragment::save(base::Writer& writer) const {
  writer.write("version", std::array{std::uint64_t{0}, version_.commits});
  writer.write("version_round", without_term(made_by_round_));
  writer.write("rounds", without_term(rounds_));
  writer.write("next_due", next_due_);
  usual_.save(*writer.group("usual_norm"));
  auto const held = held_members();
  writer.write("held", std::uint64_t{held.size()});
  for (std::size_t i = 0; i < held.size(); ++i) {
    auto const& carried = copy_of(held[i]->site).carried;
    bool const is_carried = carried && held[i] == &*carried;
    bool const is_unusual = !is_carried && round_->unusual.contains(held[i]->site);
    writer.write(fmt::format("held_{}", i), numbers_of(*held[i], is_carried, is_unusual));
  }
  std::vector<std::uint64_t> pulled, needed, fates;
  if (round_) {
    pulled.push_back(without_term(round_->number));
    for (int const site : round_->pulled) pulled.push_back(static_cast<std::uint64_t>(site));
  }
  for (std::size_t site = 0; site < copies_.size(); ++site) {
    needed.push_back(copies_[site].needed.commits);
    for (auto const& fate : copies_[site].fates) {
      for (auto const number :
           {std::uint64_t{site}, without_term(fate.round), static_cast<std::uint64_t>(fate.outcome),
            static_cast<std::uint64_t>(fate.reason)})
        fates.push_back(number);
    }
  }
  writer.write("pulled", pulled);
  writer.write("needed", needed);
  writer.write("fates", fates);
}

void OwnedFragment::load(base::Reader const& reader, double now_s, PayloadHandle& last_handle) {
  auto const [term, commits] = read_numbers<2>(reader, "version");
  version_ = {.term = term, .commits = commits};
  made_by_round_ = reader.read_uint("version_round");
  rounds_ = reader.read_uint("rounds");
  next_due_ = reader.read_uint("next_due");
  usual_.load(*reader.group("usual_norm"));
  load_round(reader.read_uints("pulled"), now_s);
  load_copies(reader.read_uints("needed"), reader.read_uints("fates"));
  standings_.touch_all();
  std::uint64_t const held = reader.read_uint("held");
  for (std::uint64_t i = 0; i < held; ++i) {
    auto const name = fmt::format("held_{}", i);
    auto const numbers = read_numbers<std::tuple_size_v<Numbers>>(reader, name);
    if (numbers[7] == 0) refuse_state(fmt::format("'{}' is of no steps", name));
    if (numbers[0] >= copies_.size()) continue;  // there were more sites then
    PayloadFacts const facts{.payload = ++last_handle, .norm = std::bit_cast<double>(numbers[9])};
    auto const site = static_cast<int>(numbers[0]);
    restore(site, numbers[1] != 0, contribution_in(index_, numbers), facts, now_s);
    if (numbers[10] != 0 && round_) round_->unusual.insert(site);
  }
}

void OwnedFragment::load_round(std::vector<std::uint64_t> const& pulled, double now_s) {
  round_.reset();
  if (pulled.empty()) return;
  round_ = Round{.number = pulled.front(), .opened_s = now_s};
  for (auto const site : pulled | std::views::drop(1)) {
    if (site < copies_.size()) round_->pulled.insert(static_cast<int>(site));
  }
}

void OwnedFragment::load_copies(std::vector<std::uint64_t> const& needed,
                                std::vector<std::uint64_t> const& fates) {
  for (std::size_t site = 0; site < std::min(needed.size(), copies_.size()); ++site)
    copies_[site].needed = {.term = 0, .commits = needed[site]};
  if (fates.size() % 4 != 0) refuse_state("'fates' has part of a fate");
  for (std::size_t i = 0; i < fates.size(); i += 4) {
    bool const is_fate = fates[i + 2] <= static_cast<std::uint64_t>(Outcome::absent) &&
                         fates[i + 3] <= static_cast<std::uint64_t>(Reason::old_term);
    if (!is_fate) refuse_state("'fates' has no such fate");
    if (fates[i] >= copies_.size()) continue;
    auto& copy = copies_[fates[i]];
    copy.fate = {fates[i + 1], static_cast<Outcome>(fates[i + 2]), static_cast<Reason>(fates[i + 3])};
    copy.fates.push_back(copy.fate);
    copy.received_round = std::max(copy.received_round, copy.fate.round);
  }
}

void OwnedFragment::expect(int site, std::uint64_t incarnation) { copy_of(site).expected = incarnation; }

void OwnedFragment::put_in_flight(int site, Contribution const& contribution, PayloadFacts const& facts) {
  copy_of(site).in_flight.push_back({contribution, facts});
}

void OwnedFragment::restore(int site, bool is_carried, Contribution const& contribution,
                            PayloadFacts const& facts, double now_s) {
  auto const member = member_of(site, facts, contribution);
  copy_of(site).received_round = std::max(copy_of(site).received_round, contribution.round);
  if (is_carried) {
    copy_of(site).carried = member;
    return;
  }
  if (!round_) {
    round_ = Round{};
    round_->number = contribution.round;
    round_->opened_s = now_s;
  }
  round_->pulled.insert(site);
  round_->answered.insert(site);
  round_->members[site] = member;
}

}  // namespace atl::protocol
