// Waiting for MPI requests without keeping a core from those who could use it.
#pragma once

#include <mpi.h>

#include <span>

namespace atl::comm {

// MPI moves data only while someone looks: looking often makes transfers fast, rarely makes waits cheap.
enum class Patience {
  short_wait,  // for the steps of a computation: yields between looks for 5 ms, then sleeps up to 0.2 ms
  long_wait,   // for waits of seconds and more: sleeps up to 2 ms after 50 us
};

// Until all requests, which are of `comm`, are complete. Throws RuntimeFailure where one fails; where that is
// for want of a process, ProcessLost after give_up().
void wait_all(MPI_Comm comm, std::span<MPI_Request> requests, Patience patience);

// Whether they are by now; throws likewise.
bool are_complete(MPI_Comm comm, std::span<MPI_Request> requests);

// A rank is lost: revokes `comm`, so that nobody goes on waiting for this one, and returns when MPI writes no
// more to what the requests are for.
void give_up(MPI_Comm comm, std::span<MPI_Request> requests);

}  // namespace atl::comm
