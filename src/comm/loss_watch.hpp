// Hears of lost ranks while this one waits for something that MPI knows nothing of: a GPU.
#pragma once

#include <mpi.h>

#include <vector>

#include "comm/communicator.hpp"

namespace atl::comm {

// Local, but for look(): a receive stands for each of the others, which nobody ever sends to and which only the
// loss of that rank completes.
class LossWatch {
 public:
  explicit LossWatch(Communicator const& comm);
  ~LossWatch();
  LossWatch(LossWatch const&) = delete;
  LossWatch& operator=(LossWatch const&) = delete;

  // Throws ProcessLost where a rank is lost, or the communicator revoked; it is revoked then.
  void look();

 private:
  Communicator const& comm_;
  std::vector<MPI_Request> never_;
};

}  // namespace atl::comm
