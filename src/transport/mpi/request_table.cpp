#include "transport/mpi/request_table.hpp"

#include "base/error.hpp"
#include "comm/communicator.hpp"

namespace atl::transport {

using comm::check_mpi;

RequestTable::Slot RequestTable::add() {
  requests_.push_back(MPI_REQUEST_NULL);
  stages_.push_back(Stage::idle);
  bytes_.emplace_back();
  indices_.emplace_back();
  statuses_.emplace_back();
  return requests_.size() - 1;
}

MPI_Request* RequestTable::start(Slot slot) {
  base::ensure(is_idle(slot), "a slot holds one request at a time");
  stages_[slot] = Stage::started;
  return &requests_[slot];
}

// Open MPI looks outside only in a call that finds nothing complete, and tells what it found in the next
// call. So: until it has looked, and once more. A payload that has landed then never hides a control message
// that has arrived meanwhile.
void RequestTable::look() {
  while (test_some()) {
  }
  test_some();
}

bool RequestTable::test_some() {
  int completed = 0;
  int const code = MPI_Testsome(static_cast<int>(requests_.size()), requests_.data(), &completed,
                                indices_.data(), statuses_.data());
  bool const has_errors = code == MPI_ERR_IN_STATUS;
  if (!has_errors) check_mpi(code, "MPI_Testsome");
  if (completed == MPI_UNDEFINED) return false;  // nothing is under way
  for (std::size_t i = 0; i < static_cast<std::size_t>(completed); ++i) {
    auto const slot = static_cast<Slot>(indices_[i]);
    if (has_errors && comm::is_loss(statuses_[i].MPI_ERROR)) {  // set only then
      stages_[slot] = Stage::lost;
      continue;
    }
    if (has_errors) check_mpi(statuses_[i].MPI_ERROR, "MPI_Testsome");
    MPI_Count bytes = 0;
    check_mpi(MPI_Get_elements_x(&statuses_[i], MPI_BYTE, &bytes), "MPI_Get_elements_x");
    stages_[slot] = Stage::complete;
    bytes_[slot] = static_cast<std::size_t>(bytes);
  }
  return completed > 0;
}

std::optional<std::size_t> RequestTable::take(Slot slot) {
  if (stages_[slot] == Stage::lost) throw comm::ProcessLost("the peer is gone");
  if (stages_[slot] != Stage::complete) return {};
  stages_[slot] = Stage::idle;
  return bytes_[slot];
}

bool RequestTable::give_up(Slot slot) {
  if (stages_[slot] != Stage::started) return true;
  int done = 0;
  MPI_Cancel(&requests_[slot]);
  MPI_Test(&requests_[slot], &done, MPI_STATUS_IGNORE);
  return done != 0;
}

}  // namespace atl::transport
