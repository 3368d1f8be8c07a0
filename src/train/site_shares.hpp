// What is shared out among a site's ranks travels where their kernels compute: between GPUs by NCCL, else by MPI
// in the host's memory.
#pragma once

#include <utility>

#include "comm/shares.hpp"
#include "kernels/buffer.hpp"
#ifdef ATOLL_NCCL
#include "comm/nccl/gpu_shares.hpp"
#endif

namespace atl::train {

#ifdef ATOLL_NCCL
struct ShareSum : comm::GpuShareSum {
  ShareSum(comm::Communicator const& site, comm::Shares shares)
      : GpuShareSum(site, std::move(shares), kernels::Exec().cuda_stream()) {}
};
struct ShareSpread : comm::GpuShareSpread {
  ShareSpread(comm::Communicator const& site, comm::Shares shares)
      : GpuShareSpread(site, std::move(shares), kernels::Exec().cuda_stream()) {}
};
constexpr bool travels_beside_passes = true;
#else
using comm::ShareSpread;
using comm::ShareSum;
constexpr bool travels_beside_passes = kernels::is_host_memory;
#endif

}  // namespace atl::train
