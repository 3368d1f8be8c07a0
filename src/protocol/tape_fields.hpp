// The fields of every entry of a tape, for their encoding.
#pragma once

#include "protocol/message_fields.hpp"
#include "protocol/tape.hpp"

namespace atl::protocol {

auto fields(Is<HeldRelease> auto& m) { return std::tie(m.release, m.payload); }
auto fields(Is<HeldState> auto& m) { return std::tie(m.state, m.payload); }
auto fields(Is<LedgerRow> auto& m) {
  return std::tie(m.processed, m.merged, m.pending, m.unsent, m.overwritten, m.dropped, m.rejected);
}
auto fields(Is<TapedContribution> auto& m) { return std::tie(m.site, m.contribution); }
auto fields(Is<TapedStart> auto& m) {
  return std::tie(m.format, m.life, m.kind, m.index, m.deck, m.data, m.program, m.machine, m.set,
                  m.incarnation, m.heals, m.step, m.cursor, m.state, m.held, m.in_flight);
}
auto fields(Is<TapedStep> auto& m) { return std::tie(m.tokens, m.loss); }
auto fields(Is<TapedBoundary> auto& m) { return std::tie(m.step, m.events, m.after); }
auto fields(Is<TapedBase> auto& m) { return std::tie(m.fragment, m.version, m.base); }
auto fields(Is<TapedParameters> auto& m) { return std::tie(m.step, m.cursor, m.parameters); }
auto fields(Is<TapedVersion> auto& m) { return std::tie(m.fragment, m.version, m.theta); }
auto fields(Is<TapedCommit::Member> auto& m) {
  return std::tie(m.from, m.weight, m.staleness, m.rounds_late);
}
auto fields(Is<TapedCommit::Absent> auto& m) { return std::tie(m.site, m.silent); }
auto fields(Is<TapedCommit> auto& m) { return std::tie(m.round, m.members, m.absent, m.made); }
auto fields(Is<TapedDiscard> auto& m) { return std::tie(m.from, m.reason); }
auto fields(Is<TapedTaken> auto& m) { return std::tie(m.from, m.by_replica, m.taken); }
auto fields(Is<TapedRanks> auto& m) { return std::tie(m.ranks); }
template <>
inline constexpr Participant::Kind last_of<Participant::Kind> = Participant::Kind::shard;

}  // namespace atl::protocol
