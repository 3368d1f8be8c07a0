// shares.hpp for vectors that lie on GPUs: the same calls, by NCCL. Addresses are of the device; nothing here
// waits but the stream that computes. After ProcessLost, and before the site's communicator changes, give_up().
#pragma once

#include <memory>
#include <span>
#include <vector>

#include "comm/nccl/gpu_site.hpp"
#include "comm/shares.hpp"

namespace atl::comm {

// In an order that is NCCL's affair, which for one number of ranks and one machine is the same in every run.
class GpuShareSum {
 public:
  GpuShareSum(Communicator const& comm, Shares shares, cudaStream_t compute);

  void begin(std::span<float> values);
  void ready(Part part);  // once what `compute` has been told so far is done
  void finish();          // what `compute` is told from here on sees the sum
  void give_up() { site_.reset(); }

 private:
  Communicator const& comm_;
  Shares shares_;
  cudaStream_t compute_;
  std::unique_ptr<GpuSite> site_;  // from the first sum on
  GpuEvent computed_, summed_;
  std::span<float> values_;
};

class GpuShareSpread {
 public:
  GpuShareSpread(Communicator const& comm, Shares shares, cudaStream_t compute);

  void begin(std::span<float> values, std::vector<Part> const& in_order);
  void wait_for(Part part);
  void finish();
  void give_up();

 private:
  struct Coming {
    Part part;
    GpuEvent is_there;
  };

  Communicator const& comm_;
  Shares shares_;
  cudaStream_t compute_;
  std::unique_ptr<GpuSite> site_;
  GpuEvent updated_;
  std::vector<Coming> coming_;
};

}  // namespace atl::comm
