#include "protocol/seats.hpp"

#include <algorithm>
#include <utility>

namespace atl::protocol {

Seats::Seats(int self, int shards, int fragments, bool replicated, double patience_s)
    : self_(self),
      replicated_(replicated),
      patience_s_(patience_s),
      shards_(static_cast<std::size_t>(shards)),
      seats_(static_cast<std::size_t>(std::min(shards, fragments))) {
  for (int seat = 0; seat < size(); ++seat) {
    State& state = seats_[static_cast<std::size_t>(seat)];
    state.owner = seat;
    if (replicated && shards > 1) state.backup = (seat + 1) % shards;
  }
}

Seat Seats::news(std::uint32_t seat) const {
  State const& state = at(seat);
  return {.seat = seat,
          .term = state.term,
          .from = state.from,
          .owner = static_cast<std::uint32_t>(state.owner),
          .claims = state.taken != state.term};
}

void Seats::hear(int shard, double now_s) {
  now_s_ = std::max(now_s_, now_s);
  shards_.at(static_cast<std::size_t>(shard)).heard_s = now_s;
}

// Of a seat whose backup is lost its owner decides alone. One whose owner is lost is asked for in tick():
// since this shard was heard last, another may have become the backup.
void Seats::on_lost(int shard) {
  shards_.at(static_cast<std::size_t>(shard)).lost = true;
  for (auto& state : seats_) {
    if (state.backup != shard) continue;
    state.backup.reset();  // its owner will find another
    if (state.owner == self_) state.backup = next_living(now_s_);
  }
}

Seats::Changes Seats::on_seat(Seat const& seat) {
  Changes changes;
  bool const is_known = seat.seat < seats_.size() && seat.owner < shards_.size();
  if (seat.claims || !is_known || seat.term <= at(seat.seat).term) return changes;
  State& state = at(seat.seat);
  bool const was_mine = state.owner == self_;
  state = {.owner = static_cast<int>(seat.owner),
           .backup = {},
           .term = seat.term,
           .from = seat.from,
           .taken = seat.term,
           .newest_term = std::max(seat.term, state.newest_term),
           .election = {}};
  if (was_mine) changes.emplace_back(SeatLost{seat.seat});
  return changes;
}

Seats::Changes Seats::back_up(std::uint32_t seat, std::uint64_t term, int owner) {
  Changes changes = on_seat({.seat = seat, .term = term, .owner = static_cast<std::uint32_t>(owner)});
  State& state = at(seat);
  if (state.term == term && state.owner == owner) state.backup = self_;
  return changes;
}

Seats::Changes Seats::on_promise(int site, Promise const& promise, std::set<int> const& admitted,
                                 double now_s) {
  now_s_ = std::max(now_s_, now_s);
  Changes changes;
  if (promise.seat >= seats_.size()) return changes;
  State& state = at(promise.seat);
  bool const is_to_me = static_cast<int>(promise.shard) == self_;
  if (promise.claims && !is_to_me && promise.term > state.term) {
    return on_seat({.seat = promise.seat, .term = promise.term, .owner = promise.shard});
  }
  state.newest_term = std::max(state.newest_term, promise.term);
  auto& election = state.election;
  if (election && is_to_me && promise.term == election->term && promise.claims == election->claims) {
    election->votes.insert(site);
    auto const votes =
        std::ranges::count_if(election->votes, [&](int each) { return admitted.contains(each); });
    if (2 * votes <= std::ssize(admitted)) return changes;
    if (!election->claims) {
      claim(promise.seat, election->term);
      changes.emplace_back(SeatClaimed{promise.seat});
      state.election = {.term = state.term, .claims = true, .votes = {}, .asked_s = now_s};
    } else {
      take(promise.seat, changes);
    }
  } else if (state.owner == self_ && promise.term > state.term && !election) {
    // Promised to another who has not come to a majority: in this term the sites obey neither.
    ask(promise.seat, now_s, changes);
  }
  return changes;
}

Seats::Changes Seats::tick(double now_s) {
  now_s_ = std::max(now_s_, now_s);
  if (!began_s_) began_s_ = now_s;
  Changes changes;
  if (!replicated_) return changes;
  for (std::uint32_t seat = 0; seat < seats_.size(); ++seat) {
    State& state = at(seat);
    if (state.owner == self_ && !state.backup) state.backup = next_living(now_s);
    auto const other = partner(state);
    bool const has_silent_partner = other && is_silent(*other, now_s);
    bool const is_disobeyed = state.owner == self_ && state.newest_term > state.term;
    bool const is_claiming = state.election && state.election->claims;
    if (!has_silent_partner && !is_disobeyed && !is_claiming) {
      state.election.reset();
    } else if (!state.election || now_s >= state.election->asked_s + patience_s_) {
      ask(seat, now_s, changes);
    }
  }
  return changes;
}

std::optional<double> Seats::next_timer_s() const {
  std::optional<double> next;
  for (auto const& state : seats_) {
    auto const other = partner(state);
    if (!replicated_ || !other) continue;
    double const when_s = state.election ? state.election->asked_s + patience_s_ : silent_from_s(*other);
    next = std::min(next.value_or(when_s), when_s);
  }
  return next;
}

double Seats::silent_from_s(int shard) const {
  return std::max(shards_.at(static_cast<std::size_t>(shard)).heard_s, began_s_.value_or(0.0)) + patience_s_;
}

bool Seats::is_silent(int shard, double now_s) const {
  Peer const& peer = shards_.at(static_cast<std::size_t>(shard));
  return peer.lost || now_s >= silent_from_s(shard);
}

std::optional<int> Seats::next_living(double now_s) const {
  if (!replicated_) return std::nullopt;
  int const shards = static_cast<int>(shards_.size());
  for (int i = 1; i < shards; ++i) {
    int const other = (self_ + i) % shards;
    if (!is_silent(other, now_s)) return other;
  }
  return std::nullopt;
}

// Whom the fate of the seat is shared with: the backup's owner, the owner's backup.
std::optional<int> Seats::partner(State const& state) const {
  if (state.owner == self_) return state.backup;
  return state.backup == self_ ? std::optional(state.owner) : std::nullopt;
}

// An owner keeps its backup until it has taken the seat anew: before that the silent one may take it, and
// must hold all that sites see in the old term.
void Seats::claim(std::uint32_t seat, std::uint64_t term) {
  State& state = at(seat);
  state.from = state.taken;
  state.term = term;
  state.newest_term = std::max(state.newest_term, term);
  if (std::exchange(state.owner, self_) != self_) state.backup.reset();
}

void Seats::take(std::uint32_t seat, Changes& changes) {
  State& state = at(seat);
  state.taken = state.term;
  state.backup = next_living(now_s_);
  state.election.reset();
  changes.emplace_back(SeatTaken{seat});
}

void Seats::ask(std::uint32_t seat, double now_s, Changes& changes) {
  State& state = at(seat);
  state.newest_term = std::max(state.newest_term, state.term) + 1;
  state.election = {.term = state.newest_term, .votes = {}, .asked_s = now_s};
  changes.emplace_back(AskPromises{{.seat = seat,
                                    .term = state.newest_term,
                                    .from = state.term,
                                    .shard = static_cast<std::uint32_t>(self_)}});
}

}  // namespace atl::protocol
