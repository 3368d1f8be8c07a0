// For tests that run as an MPI job (atoll_mpi_test): every rank runs the same cases at the same time.
#pragma once

#include "comm/world.hpp"

namespace atl::test {

// MPI starts once in a process, so all cases share it.
comm::MpiRuntime const& runtime();

int rank();
int ranks();

// Collective. True on every rank if `holds` is true on every rank.
//
// A plain REQUIRE that fails on one rank leaves its test case there, and the next collective operation hangs
// the others. REQUIRE(all_ranks(...)) fails on all of them. Use it wherever ranks can differ and
// communication follows.
bool all_ranks(bool holds);

// Collective over the ranks that live, in a case that has killed others: all_ranks() and the verdict are
// theirs from here on, and the process ends without MPI_Finalize. rank() and ranks() stay as they were.
void go_on_without_the_lost();

}  // namespace atl::test
