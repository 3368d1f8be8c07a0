// All requests of the communication thread, looked at together: MPI makes progress once for each look, however many
// channels there are.
#pragma once

#include <mpi.h>

#include <cstddef>
#include <optional>
#include <vector>

namespace atoll::transport {

class RequestTable {
 public:
  using Slot = std::size_t;
  struct Completion {
    std::size_t bytes = 0;  // received
    bool is_cut = false;    // there was more than there was room for
  };

  // Makes room for one request. Only before the first request starts.
  Slot add();
  // For the call that starts a request.
  MPI_Request* start(Slot slot);
  bool is_idle(Slot slot) const { return stages_[slot] == Stage::idle; }

  // Tests everything. Never blocks. Throws RuntimeFailure where a request failed otherwise than by being cut.
  void look();
  // What the last look found complete; the slot is idle then.
  std::optional<Completion> take(Slot slot);

  // Cancels the request. False where it cannot be: MPI goes on using its buffer.
  bool give_up(Slot slot);

 private:
  enum class Stage : unsigned char { idle, started, complete };

  void complete(Slot slot, MPI_Status const& status);

  std::vector<MPI_Request> requests_;
  std::vector<Stage> stages_;
  std::vector<Completion> completions_;
  std::vector<int> indices_;
  std::vector<MPI_Status> statuses_;
};

}  // namespace atoll::transport
