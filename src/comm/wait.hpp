// Waiting for MPI requests without burning a core: a short spin first, then sleeps that grow with the time waited.
#pragma once

#include <mpi.h>

#include <span>

namespace atoll::comm {

// How long the sleeps may become: what a wait may be prolonged by, against the share of a core that it takes.
enum class Patience {
  short_wait,  // 0.2 ms: for the steps of a computation
  long_wait,   // 2 ms: for waits of seconds and more
};

// Until all requests are complete. A wait is prolonged by an eighth of itself or the longest sleep, whichever is less.
// Throws RuntimeFailure where one fails.
void wait_all(std::span<MPI_Request> requests, Patience patience);

}  // namespace atoll::comm
