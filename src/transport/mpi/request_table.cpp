#include "transport/mpi/request_table.hpp"

#include "base/error.hpp"
#include "comm/communicator.hpp"

namespace atoll::transport {

using comm::check_mpi;

RequestTable::Slot RequestTable::add() {
  requests_.push_back(MPI_REQUEST_NULL);
  stages_.push_back(Stage::idle);
  completions_.emplace_back();
  indices_.emplace_back();
  statuses_.emplace_back();
  return requests_.size() - 1;
}

MPI_Request* RequestTable::start(Slot slot) {
  base::ensure(is_idle(slot), "a slot holds one request at a time");
  stages_[slot] = Stage::started;
  return &requests_[slot];
}

void RequestTable::look() {
  int completed = 0;
  int const code = MPI_Testsome(static_cast<int>(requests_.size()), requests_.data(), &completed, indices_.data(),
                                statuses_.data());
  bool const has_errors = code == MPI_ERR_IN_STATUS;
  if (!has_errors) check_mpi(code, "MPI_Testsome");
  if (completed == MPI_UNDEFINED) return;  // nothing is under way
  for (int i = 0; i < completed; ++i) {
    auto& status = statuses_[static_cast<std::size_t>(i)];
    if (!has_errors) status.MPI_ERROR = MPI_SUCCESS;  // MPI leaves the field alone where all went well
    complete(static_cast<Slot>(indices_[static_cast<std::size_t>(i)]), status);
  }
}

void RequestTable::complete(Slot slot, MPI_Status const& status) {
  int error_class = MPI_SUCCESS;
  MPI_Error_class(status.MPI_ERROR, &error_class);
  bool const is_cut = error_class == MPI_ERR_TRUNCATE;
  if (!is_cut) check_mpi(status.MPI_ERROR, "MPI_Testsome");
  // Some MPIs keep a request that has failed.
  if (requests_[slot] != MPI_REQUEST_NULL) check_mpi(MPI_Request_free(&requests_[slot]), "MPI_Request_free");
  MPI_Count bytes = 0;
  check_mpi(MPI_Get_elements_x(&status, MPI_BYTE, &bytes), "MPI_Get_elements_x");
  stages_[slot] = Stage::complete;
  completions_[slot] = {static_cast<std::size_t>(bytes), is_cut};
}

std::optional<RequestTable::Completion> RequestTable::take(Slot slot) {
  if (stages_[slot] != Stage::complete) return {};
  stages_[slot] = Stage::idle;
  return completions_[slot];
}

bool RequestTable::give_up(Slot slot) {
  if (stages_[slot] != Stage::started) return true;
  int done = 0;
  MPI_Cancel(&requests_[slot]);
  MPI_Test(&requests_[slot], &done, MPI_STATUS_IGNORE);
  return done != 0;
}

}  // namespace atoll::transport
