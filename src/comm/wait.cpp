#include "comm/wait.hpp"

#include <algorithm>
#include <chrono>
#include <thread>

#include "comm/communicator.hpp"

namespace atl::comm {

namespace {

bool test_all(std::span<MPI_Request> requests) {
  int done = 0;
  check_mpi(MPI_Testall(static_cast<int>(requests.size()), requests.data(), &done, MPI_STATUSES_IGNORE),
            "MPI_Testall");
  return done != 0;
}

}  // namespace

void wait_all(std::span<MPI_Request> requests, Patience patience) {
  using Clock = std::chrono::steady_clock;
  using std::chrono::microseconds;
  microseconds const awake = patience == Patience::short_wait ? microseconds(5000) : microseconds(50);
  Clock::duration const longest_sleep =
      patience == Patience::short_wait ? microseconds(200) : microseconds(2000);

  auto const start = Clock::now();
  // Twice: Open MPI tells only in the next call what it found when it looked outside.
  while (!test_all(requests) && !test_all(requests)) {
    auto const waited = Clock::now() - start;
    if (waited < awake) {
      std::this_thread::yield();
    } else {
      std::this_thread::sleep_for(std::min<Clock::duration>(waited / 8, longest_sleep));
    }
  }
}

}  // namespace atl::comm
