// Whom a site obeys, and how it heals (PROTOCOL.md §6).
#include <algorithm>
#include <utility>

#include "protocol/site_machine.hpp"

namespace atl::protocol {

void SiteMachine::take_owners(std::span<SiteEvent const> events, std::vector<SiteAction>& actions) {
  for (auto const& event : events) {
    if (auto const* seat = std::get_if<Seat>(&event)) {
      take_seat(*seat);
      if (seat->seat < owners_.size()) to_tell_.insert(seat->seat);
    } else if (auto const* welcome = std::get_if<Welcome>(&event)) {
      for (auto const& each : welcome->seats) take_seat(each);
    } else if (auto const* request = std::get_if<PromiseRequest>(&event)) {
      promise(*request);
    }
  }
  for (auto const seat : std::exchange(to_tell_, {})) actions.emplace_back(TellShards{promise_of(seat)});
}

void SiteMachine::take_seat(Seat const& seat) {
  if (seat.seat >= owners_.size() || static_cast<int>(seat.owner) >= options_.shards) return;
  Owner& owner = owners_[seat.seat];
  if (seat.term < owner.promised) to_tell_.insert(seat.seat);
  if (seat.term < owner.promised || seat.term <= owner.term) return;
  owner.promised = owner.claimed = seat.term;
  owner.promised_to = static_cast<int>(seat.owner);
  if (seat.claims) return;
  owner.term = seat.term;
  owner.shard = static_cast<int>(seat.owner);
  for (auto p = seat.seat; p < fragments_.size(); p += static_cast<std::uint32_t>(owners_.size())) {
    fragments_[p].change_owner(seat.term, seat.from);
  }
}

// To one shard for every term, and to none that missed the last owner: then of any two that find a majority
// the later one holds what the earlier one did.
void SiteMachine::promise(PromiseRequest const& request) {
  if (request.seat >= owners_.size() || static_cast<int>(request.shard) >= options_.shards) return;
  Owner& owner = owners_[request.seat];
  if (request.term > owner.promised && request.from >= owner.claimed) {
    owner.promised = request.term;
    owner.promised_to = static_cast<int>(request.shard);
  }
  to_tell_.insert(request.seat);
}

Promise SiteMachine::promise_of(std::size_t seat) const {
  Owner const& owner = owners_[seat];
  return {.incarnation = options_.incarnation,
          .seat = static_cast<std::uint32_t>(seat),
          .term = owner.promised,
          .shard = static_cast<std::uint32_t>(owner.promised_to),
          .claims = owner.promised == owner.claimed};
}

bool SiteMachine::obeys(std::uint32_t fragment, std::uint64_t term) {
  if (options_.rounds || term >= owner_of(fragment).promised) return true;
  to_tell_.insert(fragment % owners_.size());
  return false;
}

// A release may overtake the news that its sender owns the seat, but is adopted after it.
bool SiteMachine::is_of_owner(Release const& release) const {
  return release.version.term == owner_of(release.fragment).term;
}

// Inner moments and step come from a healthy site; where there is none the moments begin anew.
void SiteMachine::heal(std::span<SiteEvent const> events, std::vector<SiteAction>& actions) {
  for (auto const& event : events) {
    if (auto const* welcome = std::get_if<Welcome>(&event); welcome && heals_) {
      step_ = std::max(step_, welcome->step);
      if (welcome->donors.empty()) {
        for (auto const& each : welcome->seats) without_donor_.insert(each.seat);
        continue;
      }
      StateRequest const request{.site = static_cast<std::uint32_t>(options_.site),
                                 .incarnation = options_.incarnation};
      actions.emplace_back(SendToSite{static_cast<int>(welcome->donors.front()), request});
    } else if (auto const* held = std::get_if<HeldState>(&event)) {
      if (!heals_ || held->state.incarnation != options_.incarnation) {
        actions.emplace_back(Discard{held->payload});
        continue;
      }
      step_ = std::max(step_, held->state.step);
      heals_ = false;
      actions.emplace_back(TakeState{held->payload});
    }
  }
  if (without_donor_.size() == owners_.size()) heals_ = false;
}

void SiteMachine::give_state(std::span<SiteEvent const> events, std::vector<SiteAction>& actions) {
  for (auto const& event : events) {
    auto const* request = std::get_if<StateRequest>(&event);
    if (!request || !is_ready()) continue;
    StateData const state{.incarnation = request->incarnation, .step = step_};
    actions.emplace_back(GiveState{static_cast<int>(request->site), state});
  }
}

}  // namespace atl::protocol
