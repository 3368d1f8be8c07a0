// What MPI says of lost processes, where it can (ULFM, Bland et al. 2013; Open MPI 5).
#pragma once

#include <mpi.h>

#include <source_location>
#include <string>

#include "base/error.hpp"

namespace atl::comm {

// A call cannot complete since a process that it needs is gone, or since another rank has found that out and
// revoked the communicator.
class ProcessLost : public base::Interrupted {
 public:
  explicit ProcessLost(std::string const& what, std::source_location where = std::source_location::current())
      : Interrupted(what, where) {}
};

// Throws ProcessLost or RuntimeFailure with MPI's own text unless `code` is MPI_SUCCESS.
void check_mpi(int code, char const* call, std::source_location where = std::source_location::current());
bool is_loss(int code);

// This build can go on without a lost process.
bool knows_losses();
// And this job was started so: mpirun --with-ft ulfm. Else a lost process ends the job.
bool outlives_losses();

// Local. Whoever waits in `comm`, or will, gets ProcessLost.
void revoke(MPI_Comm comm);

}  // namespace atl::comm
