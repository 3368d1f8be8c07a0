// Who owns which fragments, as one shard sees it, and how that changes when a shard is lost (PROTOCOL.md §6).
#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <variant>
#include <vector>

#include "protocol/message.hpp"

namespace atl::protocol {

// Say to all sites that the seat will be this shard's: its news().
struct SeatClaimed {
  std::uint32_t seat = 0;
};
// This shard, which was the seat's backup or its owner already, owns it from now on, in a new term. Say so to
// all sites and shards: to each site the fates that it may not have heard, then news().
struct SeatTaken {
  std::uint32_t seat = 0;
};
// Another shard has taken the seat that was this one's.
struct SeatLost {
  std::uint32_t seat = 0;
};
struct AskPromises {
  PromiseRequest request;  // to all sites
};
using SeatChange = std::variant<SeatClaimed, SeatTaken, SeatLost, AskPromises>;

// Seat h, that is the fragments p = h (mod S), begins with shard h; where there are fewer fragments than
// shards the last shards have none. Its backup, where there are replicas, is the next shard that lives. A
// seat goes on without its backup when the transport says that its process is dead. Else, and to change
// hands, it takes two steps of a majority of the admitted sites: they promise to obey nobody of an older
// term, and then have heard the claim. Silence alone moves nothing.
class Seats {
 public:
  using Changes = std::vector<SeatChange>;

  // `patience_s`: a partner not heard for so long is silent.
  Seats(int self, int shards, int fragments, bool replicated, double patience_s);

  int owner(std::uint32_t seat) const { return at(seat).owner; }
  bool is_mine(std::uint32_t seat) const {
    return at(seat).owner == self_ && at(seat).taken == at(seat).term;
  }
  std::uint64_t term(std::uint32_t seat) const { return at(seat).term; }
  // A run without fragments has no seat at all, and asks for the backup of the first.
  std::optional<int> backup(std::uint32_t seat) const {
    return seat < seats_.size() ? at(seat).backup : std::nullopt;
  }
  Seat news(std::uint32_t seat) const;
  int size() const { return static_cast<int>(seats_.size()); }

  void hear(int shard, double now_s);
  void on_lost(int shard);
  // A shard says that it has taken a seat.
  Changes on_seat(Seat const& seat);
  // This shard holds all of a seat that its owner in that term may have released: it can take it over.
  Changes back_up(std::uint32_t seat, std::uint64_t term, int owner);
  // `admitted`: the sites whose promises count.
  Changes on_promise(int site, Promise const& promise, std::set<int> const& admitted, double now_s);
  Changes tick(double now_s);
  std::optional<double> next_timer_s() const;

 private:
  struct Peer {
    bool lost = false;
    double heard_s = 0.0;
  };
  struct Election {
    std::uint64_t term = 0;
    bool claims = false;  // has the promises; asks whether the claim was heard
    std::set<int> votes;  // sites
    double asked_s = 0.0;
  };
  struct State {
    int owner = 0;
    std::optional<int> backup;  // of this shard's own seat: whom it replicates to; else: who can take it over
    std::uint64_t term = 0;
    std::uint64_t from = 0;         // the last term taken before this one
    std::uint64_t taken = 0;        // the last term in which anything can have been released
    std::uint64_t newest_term = 0;  // that was heard of, asked for by whomever
    std::optional<Election> election;
  };

  State& at(std::uint32_t seat) { return seats_.at(seat); }
  State const& at(std::uint32_t seat) const { return seats_.at(seat); }
  double silent_from_s(int shard) const;
  bool is_silent(int shard, double now_s) const;
  std::optional<int> next_living(double now_s) const;
  std::optional<int> partner(State const& state) const;
  void claim(std::uint32_t seat, std::uint64_t term);
  void take(std::uint32_t seat, Changes& changes);
  void ask(std::uint32_t seat, double now_s, Changes& changes);

  int self_;
  bool replicated_;
  double patience_s_;
  double now_s_ = 0.0;
  std::optional<double> began_s_;  // before, nobody can have been heard
  std::vector<Peer> shards_;
  std::vector<State> seats_;
};

}  // namespace atl::protocol
