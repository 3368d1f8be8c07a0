// What a run will take of memory, by its plan.
#pragma once

#include <cstddef>
#include <string>

#include "comm/site_layout.hpp"
#include "kernels/buffer.hpp"
#include "train/run_plan.hpp"

namespace atl::train {

struct MemoryEstimate {
  std::size_t site_rank_bytes = 0;    // of the host, of the rank that needs most
  std::size_t site_device_bytes = 0;  // likewise, of its device; 0: kernels compute in the host's memory
  std::size_t shard_bytes = 0;
  // Of the host's, what checkpoints are written from while training goes on.
  std::size_t site_copy_bytes = 0;
  std::size_t shard_copy_bytes = 0;
};

// Parameters, gradients, moments, bases, snapshots, residuals and buffers of a message in flight; per shard
// its fragments, their momentum, older versions and the contributions of open rounds. And a copy of the
// state. On a device is all that kernels touch and the workspace of matrix products; on its host what is on
// its way, in pinned memory, and the copy.
MemoryEstimate estimate_memory(RunPlan const& plan, bool is_on_device = !kernels::is_host_memory);

// The same of one rank of a site alone: what it will take of its device.
std::size_t estimate_device_bytes(RunPlan const& plan, comm::SiteLayout const& layout, int world_rank);

// The `memory` line of --check.
std::string describe(MemoryEstimate const& estimate);

// What ranks that share a device ask of it.
struct DeviceDemand {
  std::string device;           // as its maker calls it
  std::size_t there_bytes = 0;  // in all
  int ranks = 1;                // of sites
  std::size_t asked_bytes = 0;  // by all of them
};

// Throws InputError where the device has less than that, and warns where that leaves it less than a tenth.
void check_fits(DeviceDemand const& demand);

}  // namespace atl::train
