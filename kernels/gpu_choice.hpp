// Which of its node's GPUs a process takes: pure but for the claims, which processes of a node see of one
// another.
#pragma once

#include <functional>
#include <string>
#include <vector>

namespace atl::kernels {

struct Seat {
  int number = 0;           // among the processes that were started together on this node
  bool comes_late = false;  // in the place of a lost one
};

// Those that a run begins with are dealt round: as many in a row as there are GPUs get one each, and the next
// share. Who comes late, started in a world of its own or after a wait, cannot know which one was the lost
// one's: it takes one that as few as possible have. claim(gpu, place): whether this process is now the one in
// that place at it.
int choose_gpu(int gpus, Seat seat, std::function<bool(int gpu, int place)> const& claim);

// What one process has of a GPU, by its address. The kernel takes it back when the process ends, however that
// ends.
class GpuClaims {
 public:
  GpuClaims() = default;
  ~GpuClaims();
  GpuClaims(GpuClaims const&) = delete;
  GpuClaims& operator=(GpuClaims const&) = delete;

  // False where another process of this node is in that place.
  bool take(std::string const& address, int place);

 private:
  std::vector<int> sockets_;
};

}  // namespace atl::kernels
