#include "comm/loss_watch.hpp"

#include "comm/loss.hpp"
#include "comm/wait.hpp"

namespace atl::comm {

namespace {

constexpr int tag_never = 3;

}  // namespace

LossWatch::LossWatch(Communicator const& comm) : comm_(comm) {
  for (int other = 0; other < comm.size(); ++other) {
    if (other == comm.rank()) continue;
    check_mpi(MPI_Irecv(nullptr, 0, MPI_BYTE, other, tag_never, comm.get(),
                        &never_.emplace_back(MPI_REQUEST_NULL)),
              "MPI_Irecv");
  }
}

LossWatch::~LossWatch() {
  for (auto& request : never_) {
    if (request == MPI_REQUEST_NULL) continue;
    MPI_Cancel(&request);
    MPI_Wait(&request, MPI_STATUS_IGNORE);
  }
}

void LossWatch::look() try {
  for (auto& request : never_) {
    int done = 0;
    check_mpi(MPI_Test(&request, &done, MPI_STATUS_IGNORE), "MPI_Test");
  }
} catch (ProcessLost const&) {
  give_up(comm_.get(), never_);
  throw;
}

}  // namespace atl::comm
