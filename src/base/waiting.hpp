// What the loop thread of this process waits in, by name, for the watchdog that asks why nothing moves.
#pragma once

#include <optional>
#include <string>
#include <vector>

namespace atl::base {

// While it lives, this thread is in `call`, a literal. Waits nest: what for, and therein in which call.
class Waiting {
 public:
  explicit Waiting(char const* call);
  ~Waiting();
  Waiting(Waiting const&) = delete;
  Waiting& operator=(Waiting const&) = delete;

 private:
  bool is_watched_;
};

struct Wait {
  std::string calls;     // "the sum of gradients: MPI_Isend, MPI_Irecv"
  double since_s = 0.0;  // of the outermost
};

// From now on the waits of this thread are those that are known, and its stack can be told. Those of other
// threads are nobody's business.
void watch_this_thread();
std::optional<Wait> current_wait();

// Where the watched thread stands in the code, the innermost call first; nothing where it cannot say.
std::vector<std::string> watched_stack();

}  // namespace atl::base
