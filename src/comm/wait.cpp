#include "comm/wait.hpp"

#include <algorithm>
#include <chrono>
#include <thread>
#include <vector>

#include "comm/loss.hpp"

namespace atl::comm {

namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::microseconds;

bool test_all(std::span<MPI_Request> requests, std::vector<MPI_Status>& statuses) {
  int done = 0;
  int const code = MPI_Testall(static_cast<int>(requests.size()), requests.data(), &done, statuses.data());
  if (code != MPI_ERR_IN_STATUS) {
    check_mpi(code, "MPI_Testall");
    return done != 0;
  }
  for (auto const& status : statuses) {
    if (status.MPI_ERROR != MPI_ERR_PENDING) check_mpi(status.MPI_ERROR, "MPI_Testall");
  }
  return false;
}

}  // namespace

void wait_all(MPI_Comm comm, std::span<MPI_Request> requests, Patience patience) try {
  microseconds const awake = patience == Patience::short_wait ? microseconds(5000) : microseconds(50);
  Clock::duration const longest_sleep =
      patience == Patience::short_wait ? microseconds(200) : microseconds(2000);

  std::vector<MPI_Status> statuses(requests.size());
  auto const start = Clock::now();
  // Twice: Open MPI tells only in the next call what it found when it looked outside.
  while (!test_all(requests, statuses) && !test_all(requests, statuses)) {
    auto const waited = Clock::now() - start;
    if (waited < awake) {
      std::this_thread::yield();
    } else {
      std::this_thread::sleep_for(std::min<Clock::duration>(waited / 8, longest_sleep));
    }
  }
} catch (ProcessLost const&) {
  give_up(comm, requests);
  throw;
}

bool are_complete(MPI_Comm comm, std::span<MPI_Request> requests) try {
  std::vector<MPI_Status> statuses(requests.size());
  return test_all(requests, statuses) || test_all(requests, statuses);
} catch (ProcessLost const&) {
  give_up(comm, requests);
  throw;
}

void give_up(MPI_Comm comm, std::span<MPI_Request> requests) {
  revoke(comm);
  constexpr auto longest = std::chrono::seconds(5);
  auto const start = Clock::now();
  for (auto& request : requests) {
    int done = 0;
    while (request != MPI_REQUEST_NULL && done == 0 && Clock::now() - start < longest) {
      if (MPI_Test(&request, &done, MPI_STATUS_IGNORE) != MPI_SUCCESS) break;
      if (done == 0) std::this_thread::sleep_for(microseconds(50));
    }
  }
}

}  // namespace atl::comm
