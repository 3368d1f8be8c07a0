// The invariants that a simulated run is held against (src/DECISIONS.md numbers them as the protocol's
// specification does). Each is computed from what the simulation itself has seen.
// 7 is all of them once more, in a run that goes on from a snapshot; 8 is a replay (replay.hpp): run_seed.
#pragma once

#include <memory>

#include "sim/watch.hpp"

namespace atl::sim {

// 1: every row balances; and what the shards have merged of a life's work is what its row says, or is still
// to be told there; with `rebase` nothing is thrown away. Of a life that is over nothing is merged that was
// booked otherwise. When the run has finished a healthy site knows all of its fates.
std::unique_ptr<Invariant> ledger_balances(Scenario const& scenario, FaultBoard const& faults);
// 2: every commit has K fresh members, all admitted, in site order, on bases that are not newer than the
// version and not too old; no step of a life is merged twice into a fragment; and a site of the decoupled
// method contributes from the newest base that it could have.
std::unique_ptr<Invariant> commits_are_sound(Scenario const& scenario);
// 2: a contribution says of itself what is so: its base is the one that its site adopted last, it is merged
// once and with the weight of the work that it holds; and nobody is asked for work while theta - base holds
// some that is merged already.
std::unique_ptr<Invariant> contributions_are_sound(Scenario const& scenario);
// 1: what coding left out of a contribution goes into the next exactly when that was merged (or carried, of
// which the shard's word is taken).
std::unique_ptr<Invariant> left_over_is_kept(Scenario const& scenario);
// 3: a message of a life that is over changes nothing.
std::unique_ptr<Invariant> ghosts_have_no_effect();
// 4: the clock by which fragments are due never falls, whoever comes and goes.
std::unique_ptr<Invariant> clock_never_falls();
// 4: K healthy sites and healthy shards commit every fragment within a window.
std::unique_ptr<Invariant> commits_go_on(Scenario const& scenario, FaultBoard const& faults);
// 5: at rest all healthy sites have the newest version of every fragment, bit for bit.
std::unique_ptr<Invariant> rest_is_equal(Scenario const& scenario, FaultBoard const& faults);
// 6: a site of the decoupled method that has parameters and was not told to hold trains.
std::unique_ptr<Invariant> nobody_waits(Scenario const& scenario);
// 9: a version of a fragment is one Theta, finite, wherever it is; and who takes a fragment over has every
// version that anyone has seen.
std::unique_ptr<Invariant> versions_are_unique();

}  // namespace atl::sim
