// Waiting for MPI requests without keeping a core from those who could use it.
#pragma once

#include <mpi.h>

#include <span>

namespace atoll::comm {

// MPI moves data only while someone looks, so looking often makes transfers fast; looking rarely makes waits cheap.
enum class Patience {
  short_wait,  // yields the core between looks for 5 ms, then sleeps up to 0.2 ms: for the steps of a computation
  long_wait,   // sleeps up to 2 ms after 50 us: for waits of seconds and more
};

// Until all requests are complete. Throws RuntimeFailure where one fails.
void wait_all(std::span<MPI_Request> requests, Patience patience);

}  // namespace atoll::comm
