// What a process has taken of memory.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "kernels/listener.hpp"

namespace atl::train {

// The most that this process has held in the host's memory (VmHWM of /proc/self/status); 0 where no one
// tells.
std::size_t peak_resident_bytes();

// Counts what Kokkos allocates where kernels compute, as long as it lives: on the host besides what it has
// there for itself. Of what others take of a device (cuBLASLt's workspace, NCCL, CUDA itself) it knows
// nothing.
class BufferMeter final : public kernels::Listener {
 public:
  void allocated(std::string_view space, std::uint64_t bytes) override;
  void freed(std::string_view space, std::uint64_t bytes) override;
  std::size_t peak_bytes() const { return static_cast<std::size_t>(peak_.load()); }

 private:
  std::atomic<std::int64_t> now_ = 0;  // less than 0 where what was there before it is freed
  std::atomic<std::int64_t> peak_ = 0;
  kernels::Listening const listening_{*this};
};

}  // namespace atl::train
