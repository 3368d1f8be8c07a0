// The ranks of a site on their GPUs: one NCCL communicator, one stream of communication beside the one that
// computes. Order between the two is by events; the host waits for neither.
#pragma once

#include <cuda_runtime_api.h>
#include <nccl.h>

#include <atomic>
#include <cstddef>
#include <functional>
#include <mutex>
#include <thread>

#include "comm/communicator.hpp"
#include "comm/loss_watch.hpp"

namespace atl::comm {

// A point in a stream.
class GpuEvent {
 public:
  GpuEvent();
  GpuEvent(GpuEvent&& other) noexcept;
  GpuEvent& operator=(GpuEvent&&) = delete;
  ~GpuEvent();
  void record(cudaStream_t stream) const;
  void hold_back(cudaStream_t stream) const;  // what comes after in the stream waits for it
 private:
  cudaEvent_t event_ = nullptr;
};

// A thread watches for lost ranks, and for NCCL itself to break: it then aborts NCCL, so that nothing in a
// stream waits for ever, and the next call throws ProcessLost, or RuntimeFailure. What was written to is
// worth nothing.
class GpuSite {
 public:
  // Collective over `site`, which must outlive it and then may be another. On the current device. Throws
  // RuntimeFailure, ProcessLost, and InputError where ranks share a GPU (one_gpu_each.hpp).
  explicit GpuSite(Communicator const& site);
  ~GpuSite();
  GpuSite(GpuSite const&) = delete;
  GpuSite& operator=(GpuSite const&) = delete;

  int rank() const { return site_.rank(); }
  int size() const { return site_.size(); }
  cudaStream_t stream() const { return stream_; }

  // What calls() tells NCCL to do goes into the stream at once, as one. Of addresses on the device.
  void together(std::function<void()> const& calls);
  // Within it: to[i] of rank `root` <- sum over ranks of their from[i]; everyone's <- that of rank `root`.
  void reduce(float const* from, float* to, std::size_t count, int root);
  void broadcast(float* values, std::size_t count, int root);

  // Throws what the thread has found.
  void check() const;

 private:
  void run(ncclResult_t result, char const* call);
  void settle(char const* call);
  void watch();
  ncclResult_t state();
  void abort() noexcept;

  Communicator const& site_;
  cudaStream_t stream_ = nullptr;
  std::mutex mutex_;  // of the communicator
  ncclComm_t nccl_ = nullptr;
  std::atomic<bool> is_lost_ = false, has_failed_ = false, is_over_ = false;
  std::thread watcher_;
};

}  // namespace atl::comm
