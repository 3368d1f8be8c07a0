// main of the tests that run as an MPI job.
// Rank 0 reports; the others write rank_<r>.log in the working folder.
#include <fcntl.h>
#include <mpi.h>
#if __has_include(<mpi-ext.h>)
#include <mpi-ext.h>
#endif
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <fstream>
#include <iostream>
#include <string>
#include <thread>
#include <vector>

#include "support/mpi.hpp"
#include "support/session.hpp"

namespace atl::test {

namespace {

comm::MpiRuntime const* mpi_runtime = nullptr;
MPI_Comm test_comm = MPI_COMM_NULL;  // never shared with the code under test
bool has_lost = false;

// How long a rank whose test failed waits for the others,
// which may hang in a collective operation it never reached.
constexpr auto patience = std::chrono::seconds(10);

std::string log_of(int rank) { return "rank_" + std::to_string(rank) + ".log"; }

void write_output_to(std::string const& file) {
  int const fd = ::open(file.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0644);
  if (fd < 0) return;  // then the output is interleaved, which is still output
  ::dup2(fd, STDOUT_FILENO);
  ::dup2(fd, STDERR_FILENO);
  ::close(fd);
}

void print_log(int failed_rank) {
  std::ifstream const log(log_of(failed_rank));
  std::cout << "rank " << failed_rank << " failed (" << log_of(failed_rank) << "):\n"
            << log.rdbuf() << std::flush;
}

// Returns the worst exit code of all ranks. Rank 0 names those that failed. A rank that failed while the
// others are still inside a test ends the job instead of letting it hang.
int agree_on(int exit_code, int console) {
  int size = 0;
  MPI_Comm_size(test_comm, &size);
  std::vector<int> codes(static_cast<std::size_t>(size));
  MPI_Request request = MPI_REQUEST_NULL;
  MPI_Iallgather(&exit_code, 1, MPI_INT, codes.data(), 1, MPI_INT, test_comm, &request);
  auto const give_up = std::chrono::steady_clock::now() + patience;
  for (int done = 0; MPI_Test(&request, &done, MPI_STATUS_IGNORE), done == 0;) {
    if (exit_code != 0 && std::chrono::steady_clock::now() > give_up) {
      std::cout << std::flush;
      ::dup2(console, STDOUT_FILENO);
      if (rank() != 0) print_log(rank());
      std::cout << "rank " << rank() << " failed alone: another rank is still inside a test "
                << "(was a REQUIRE without all_ranks() followed by communication?)" << std::endl;
      MPI_Abort(test_comm, 1);
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  for (int r = 1; r < size && rank() == 0; ++r) {
    if (codes[static_cast<std::size_t>(r)] != 0) print_log(r);
  }
  return *std::ranges::max_element(codes);
}

}  // namespace

comm::MpiRuntime const& runtime() { return *mpi_runtime; }
int rank() { return mpi_runtime->rank(); }
int ranks() { return mpi_runtime->size(); }

bool all_ranks(bool holds) {
  int mine = holds ? 1 : 0;
  int all = 0;
  MPI_Allreduce(&mine, &all, 1, MPI_INT, MPI_LAND, test_comm);
  return all != 0;
}

void go_on_without_the_lost() {
  has_lost = true;
#ifdef MPIX_ERR_PROC_FAILED
  MPI_Comm rest = MPI_COMM_NULL;
  MPIX_Comm_shrink(test_comm, &rest);
  test_comm = rest;
#endif
}

}  // namespace atl::test

// Open MPI is not built for the sanitizers: what they say of its own locks and leaks is not about atoll.
extern "C" char const* __tsan_default_suppressions() {
  return "called_from_lib:libmpi.so\ncalled_from_lib:libopen-pal.so\nmutex:libpmix.so\n";
}
extern "C" char const* __lsan_default_suppressions() {
  return "leak:libmpi\nleak:libopen-pal\nleak:libpmix\nleak:libevent\nleak:libhwloc\n";
}

int main(int argc, char** argv) {
  using namespace atl::test;
  if (only_lists(argc, argv)) return run_session(argc, argv);

  atl::comm::MpiRuntime const held(argc, argv);
  mpi_runtime = &held;
  MPI_Comm_dup(MPI_COMM_WORLD, &test_comm);
  MPI_Comm_set_errhandler(test_comm, MPI_ERRORS_ARE_FATAL);
  int const console = ::dup(STDOUT_FILENO);
  if (rank() != 0) write_output_to(log_of(rank()));

  int const exit_code = agree_on(run_session(argc, argv, rank() == 0), console);
  if (has_lost) {
    std::cout << std::flush;
    ::_exit(exit_code);
  }
  MPI_Comm_free(&test_comm);
  return exit_code;
}
