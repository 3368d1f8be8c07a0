// The fields of every message, for the encoding of what holds messages.
#pragma once

#include "protocol/encoding.hpp"
#include "protocol/message.hpp"

namespace atl::protocol {

auto fields(Is<Hello> auto& m) {
  return std::tie(m.version, m.incarnation, m.heals, m.parameters, m.agreement);
}
auto fields(Is<Seat> auto& m) { return std::tie(m.seat, m.term, m.from, m.owner, m.claims); }
auto fields(Is<Welcome> auto& m) { return std::tie(m.refusal, m.shard, m.donors, m.step, m.seats); }
auto fields(Is<Progress::Fragment> auto& m) {
  return std::tie(m.fragment, m.base, m.unsent, m.pending, m.round, m.open_round, m.lacks);
}
auto fields(Is<Progress> auto& m) {
  return std::tie(m.incarnation, m.step, m.step_s, m.loss, m.heals, m.holding, m.leaving, m.stop_requested,
                  m.fragments);
}
auto fields(Is<Pull> auto& m) { return std::tie(m.fragment, m.round, m.fate); }
auto fields(Is<Cancel> auto& m) { return std::tie(m.fragment, m.round); }
auto fields(Is<Contribution> auto& m) {
  return std::tie(m.fragment, m.round, m.incarnation, m.base, m.step, m.work);
}
auto fields(Is<Release> auto& m) { return std::tie(m.fragment, m.round, m.version, m.fate, m.since); }
auto fields(Is<FateNotice> auto& m) { return std::tie(m.fragment, m.fate); }
auto fields(Is<StateRequest> auto& m) { return std::tie(m.site, m.incarnation); }
auto fields(Is<StateData> auto& m) { return std::tie(m.incarnation, m.step); }
auto fields(Is<UsualNorm> auto& m) { return std::tie(m.merged, m.mean, m.variance); }
auto fields(Is<Replica::Site> auto& m) { return std::tie(m.fates, m.needed); }
auto fields(Is<Replica> auto& m) { return std::tie(m.fragment, m.version, m.next_due, m.sites, m.usual); }
auto fields(Is<ReplicaAck> auto& m) { return std::tie(m.fragment, m.version); }
auto fields(Is<Alive> auto&) { return std::tuple<>(); }
auto fields(Is<PromiseRequest> auto& m) { return std::tie(m.seat, m.term, m.from, m.shard); }
auto fields(Is<Promise> auto& m) { return std::tie(m.incarnation, m.seat, m.term, m.shard, m.claims); }
auto fields(Is<Marker> auto& m) { return std::tie(m.id, m.step, m.bulk); }
auto fields(Is<Hold> auto& m) { return std::tie(m.id, m.purpose); }
auto fields(Is<Held> auto& m) { return std::tie(m.id, m.taken_back); }
auto fields(Is<Save> auto& m) { return std::tie(m.id, m.step); }
auto fields(Is<SavedFile> auto& m) { return std::tie(m.name, m.bytes, m.digest); }
auto fields(Is<Saved> auto& m) { return std::tie(m.id, m.files, m.failure); }
auto fields(Is<Go> auto& m) { return std::tie(m.id, m.leave); }
auto fields(Is<Report> auto& m) { return std::tie(m.line); }
auto fields(Is<Bye> auto&) { return std::tuple<>(); }
auto fields(Is<Depart> auto&) { return std::tuple<>(); }
auto fields(Is<Recruit> auto& m) { return std::tie(m.site, m.incarnation); }

template <>
inline constexpr Purpose last_of<Purpose> = Purpose::finish;

}  // namespace atl::protocol
