// How a shard keeps its seat, backs up another, and takes over (PROTOCOL.md §6).
#include <algorithm>
#include <iterator>

#include "protocol/syncer_machine.hpp"

namespace atl::protocol {

std::vector<SyncerAction> SyncerMachine::on_promise(int site, Promise const& promise, double now_s) {
  now_s_ = now_s;
  std::vector<SyncerAction> actions;
  if (sites_.hear(site, promise.incarnation, now_s))
    carry_out(seats_.on_promise(site, promise, electors(), now_s), actions);
  return advance(std::move(actions));
}

std::vector<SyncerAction> SyncerMachine::on_shard(int shard, Message const& message, PayloadHandle payload,
                                                  double now_s) {
  now_s_ = now_s;
  std::vector<SyncerAction> actions;
  seats_.hear(shard, now_s);
  if (auto const* seat = std::get_if<Seat>(&message)) {
    carry_out(seats_.on_seat(*seat), actions);
  } else if (auto const* replica = std::get_if<Replica>(&message)) {
    keep(shard, *replica, payload, actions);
  } else if (auto const* ack = std::get_if<ReplicaAck>(&message)) {
    if (auto* const fragment = find(ack->fragment))
      fragment->on_ack(shard, ack->version, surroundings(ack->fragment), actions);
  }
  return advance(std::move(actions));
}

std::vector<SyncerAction> SyncerMachine::on_shard_lost(int shard, double now_s) {
  now_s_ = now_s;
  seats_.on_lost(shard);
  return advance({});
}

void SyncerMachine::carry_out(Seats::Changes const& changes, std::vector<SyncerAction>& actions) {
  for (auto const& change : changes) {
    if (auto const* ask = std::get_if<AskPromises>(&change)) {
      for (int site = 0; site < sites_.size(); ++site) actions.emplace_back(SendToSite{site, ask->request});
    } else if (auto const* claimed = std::get_if<SeatClaimed>(&change)) {
      for (int site = 0; site < sites_.size(); ++site)
        actions.emplace_back(SendToSite{site, seats_.news(claimed->seat)});
    } else if (auto const* taken = std::get_if<SeatTaken>(&change)) {
      take(taken->seat, actions);
    } else {
      drop(std::get<SeatLost>(change).seat, actions);
    }
  }
}

// What the former owner has released to anyone is in the replicas, and no more than that counts.
void SyncerMachine::take(std::uint32_t seat, std::vector<SyncerAction>& actions) {
  std::uint64_t const term = seats_.term(seat);
  for (auto p = seat; p < static_cast<std::uint32_t>(options_.outer.fragments);
       p += static_cast<std::uint32_t>(options_.shards)) {
    if (auto* const own = find(p)) {
      own->begin_term(term, actions);
    } else if (auto const held = replicas_.find(p); held != replicas_.end()) {
      fragments_.try_emplace(p, held->second.replica, term);
      actions.emplace_back(InstallReplica{p, held->second.payload});
      replicas_.erase(held);
    } else {
      // Nothing of it was ever seen by anyone.
      OwnedFragment const first(p, options_.outer, options_.sites, true);
      fragments_.try_emplace(p, first.replica(), term);
      actions.emplace_back(InstallReplica{p, 0});
    }
  }
  tell_seat(seat, actions);
}

void SyncerMachine::tell_seat(std::uint32_t seat, std::vector<SyncerAction>& actions) const {
  for (auto const& [p, fragment] : fragments_) {
    if (seat_of(p) != seat) continue;
    auto const replica = fragment.replica();
    for (int site = 0; site < sites_.size(); ++site) {
      for (auto const& fate : replica.sites[static_cast<std::size_t>(site)].fates)
        actions.emplace_back(SendToSite{site, FateNotice{.fragment = p, .fate = fate}});
    }
  }
  for (int site = 0; site < sites_.size(); ++site) actions.emplace_back(SendToSite{site, seats_.news(seat)});
  for (int shard = 0; shard < options_.shards; ++shard) {
    if (shard != options_.shard) actions.emplace_back(SendToShard{shard, seats_.news(seat)});
  }
}

void SyncerMachine::drop(std::uint32_t seat, std::vector<SyncerAction>& actions) {
  for (auto entry = fragments_.begin(); entry != fragments_.end();) {
    bool const is_of_seat = seat_of(entry->first) == seat;
    for (int site = 0; is_of_seat && site < sites_.size(); ++site) entry->second.lose(site, actions);
    entry = is_of_seat ? fragments_.erase(entry) : std::next(entry);
  }
}

// Refused from one who is the owner no more: what this shard says of the seat must stay true.
void SyncerMachine::keep(int shard, Replica const& replica, PayloadHandle payload,
                         std::vector<SyncerAction>& actions) {
  bool const is_current = static_cast<int>(replica.fragment) < options_.outer.fragments &&
                          std::ssize(replica.sites) == options_.sites && !owns(replica.fragment) &&
                          replica.version.term >= seats_.term(seat_of(replica.fragment));
  if (!is_current) {
    actions.emplace_back(DiscardPayload{payload});
    return;
  }
  auto& held = replicas_[replica.fragment];
  if (held.payload != 0) actions.emplace_back(DiscardPayload{held.payload});
  held = {replica, payload};
  actions.emplace_back(
      SendToShard{shard, ReplicaAck{.fragment = replica.fragment, .version = replica.version}});
  auto const seat = seat_of(replica.fragment);
  if (has_replicas(seat, replica.version.term))
    carry_out(seats_.back_up(seat, replica.version.term, shard), actions);
}

// Of all that was released in this term: an owner publishes nothing that its backup does not hold. With part
// of them it would not know of all that sites have seen.
bool SyncerMachine::has_replicas(std::uint32_t seat, std::uint64_t term) const {
  for (auto p = seat; p < static_cast<std::uint32_t>(options_.outer.fragments);
       p += static_cast<std::uint32_t>(options_.shards)) {
    auto const held = replicas_.find(p);
    if (held == replicas_.end() || held->second.replica.version.term != term) return false;
  }
  return true;
}

std::optional<std::set<int>> SyncerMachine::stand_ins() const {
  std::set<int> all;
  for (auto const& [p, fragment] : fragments_) {
    auto const stand_in = fragment.stand_in();
    if (!stand_in) return std::nullopt;
    all.insert(*stand_in);
  }
  for (std::uint32_t seat = 0; seat < static_cast<std::uint32_t>(seats_.size()); ++seat) {
    if (seats_.owner(seat) == options_.shard && !seats_.is_mine(seat)) return std::nullopt;  // claimed
  }
  return all;
}

bool SyncerMachine::can_take(std::uint32_t fragment) const {
  return seats_.backup(seat_of(fragment)) == options_.shard && replicas_.contains(fragment);
}

double SyncerMachine::life_every_s() const { return options_.outer.dead_after_s / 4; }

void SyncerMachine::show_life(std::vector<SyncerAction>& actions) {
  if (!options_.replicated || now_s_ < showed_life_s_ + life_every_s()) return;
  showed_life_s_ = now_s_;
  for (int shard = 0; shard < options_.shards; ++shard) {
    if (shard != options_.shard) actions.emplace_back(SendToShard{shard, Alive{}});
  }
}

// The admitted sites. Where all are healing they wait for an owner themselves, and it for their promises.
std::set<int> SyncerMachine::electors() const {
  std::set<int> here, admitted;
  for (int site = 0; site < sites_.size(); ++site) {
    if (sites_[site].here) here.insert(site);
    if (sites_[site].admitted) admitted.insert(site);
  }
  return admitted.empty() ? here : admitted;
}

}  // namespace atl::protocol
