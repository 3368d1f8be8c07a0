// All requests of the communication thread, looked at together: a look costs the same for any number of them.
#pragma once

#include <mpi.h>

#include <cstddef>
#include <optional>
#include <vector>

namespace atl::transport {

class RequestTable {
 public:
  using Slot = std::size_t;

  // Makes room for one request.
  Slot add();
  // For the call that starts a request.
  MPI_Request* start(Slot slot);
  bool is_idle(Slot slot) const { return stages_[slot] == Stage::idle; }

  // Tests everything. Never blocks. Throws RuntimeFailure where a request failed, unless the peer is gone.
  void look();
  // The bytes received, if the last look found the request complete; the slot is idle then. Throws
  // ProcessLost where the peer is gone.
  std::optional<std::size_t> take(Slot slot);

  // Cancels the request. False where it cannot be: MPI goes on using its buffer.
  bool give_up(Slot slot);

 private:
  enum class Stage : unsigned char { idle, started, complete, lost };

  bool test_some();

  std::vector<MPI_Request> requests_;
  std::vector<Stage> stages_;
  std::vector<std::size_t> bytes_;
  std::vector<int> indices_;
  std::vector<MPI_Status> statuses_;
};

}  // namespace atl::transport
