#include "comm/nccl/gpu_site.hpp"

#include <fmt/format.h>

#include <array>
#include <chrono>
#include <cstdlib>
#include <exception>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "base/error.hpp"
#include "base/log.hpp"
#include "comm/one_gpu_each.hpp"

namespace atl::comm {

namespace {

constexpr auto look_every = std::chrono::milliseconds(5);
constexpr auto settling = std::chrono::microseconds(50);
// From NCCL's error until MPI knows of the loss that it comes from.
constexpr auto longest_hearing = std::chrono::seconds(5);

void check_cuda(cudaError_t code, char const* call) {
  if (code != cudaSuccess) throw base::RuntimeFailure(fmt::format("{}: {}", call, cudaGetErrorString(code)));
}

std::string own_gpu() {
  int device = 0;
  check_cuda(cudaGetDevice(&device), "cudaGetDevice");
  std::array<char, 32> address{};
  check_cuda(cudaDeviceGetPCIBusId(address.data(), static_cast<int>(address.size()), device),
             "cudaDeviceGetPCIBusId");
  return address.data();
}

// For trials: from 2.30 on NCCL can be told to take several ranks a GPU.
bool ranks_may_share_gpus() {
  char const* const word = std::getenv("NCCL_MULTI_RANK_GPU_ENABLE");
  int version = 0;
  return word != nullptr && std::string_view(word) == "1" && ncclGetVersion(&version) == ncclSuccess &&
         version >= NCCL_VERSION(2, 30, 0);
}

// Everyone's key to one communicator.
ncclUniqueId agree_on_id(Communicator const& site) {
  ncclUniqueId id{};
  bool const is_made = site.rank() != 0 || ncclGetUniqueId(&id) == ncclSuccess;
  site.broadcast(std::as_writable_bytes(std::span(&id, 1)), 0);
  if (!is_made) throw base::RuntimeFailure("ncclGetUniqueId failed");
  return id;
}

}  // namespace

GpuEvent::GpuEvent() {
  check_cuda(cudaEventCreateWithFlags(&event_, cudaEventDisableTiming), "cudaEventCreateWithFlags");
}

GpuEvent::GpuEvent(GpuEvent&& other) noexcept : event_(std::exchange(other.event_, nullptr)) {}

GpuEvent::~GpuEvent() {
  if (event_ != nullptr) cudaEventDestroy(event_);
}

void GpuEvent::record(cudaStream_t stream) const {
  check_cuda(cudaEventRecord(event_, stream), "cudaEventRecord");
}

void GpuEvent::hold_back(cudaStream_t stream) const {
  check_cuda(cudaStreamWaitEvent(stream, event_, 0), "cudaStreamWaitEvent");
}

GpuSite::GpuSite(Communicator const& site) : site_(site) {
  if (site.size() == 1) return;
  if (!ranks_may_share_gpus()) check_one_gpu_each(site, own_gpu());
  auto const id = agree_on_id(site);
  check_cuda(cudaStreamCreateWithFlags(&stream_, cudaStreamNonBlocking), "cudaStreamCreateWithFlags");
  int device = 0;
  check_cuda(cudaGetDevice(&device), "cudaGetDevice");
  watcher_ = std::thread([this, device] {
    cudaSetDevice(device);  // a thread begins on the first, which may be another's; abort() wants one
    watch();
  });
  try {
    ncclConfig_t config = NCCL_CONFIG_INITIALIZER;
    config.blocking = 0;  // a rank that is lost meanwhile would be waited for
    {
      std::lock_guard const lock(mutex_);
      run(ncclCommInitRankConfig(&nccl_, site.size(), id, site.rank(), &config), "ncclCommInitRankConfig");
    }
    settle("ncclCommInitRankConfig");
  } catch (...) {
    is_over_ = true;
    watcher_.join();
    abort();
    throw;
  }
}

// Nobody is waited for: whoever leaves in order has waited for what it told NCCL, and for the others.
GpuSite::~GpuSite() {
  if (!watcher_.joinable()) return;
  is_over_ = true;
  watcher_.join();
  abort();
  cudaStreamDestroy(stream_);
}

void GpuSite::together(std::function<void()> const& calls) {
  check();
  {
    std::lock_guard const lock(mutex_);
    if (nccl_ == nullptr) return;  // lost this instant; the next check tells
    run(ncclGroupStart(), "ncclGroupStart");
    try {
      calls();
    } catch (...) {
      ncclGroupEnd();  // an open group would swallow all that this thread tells NCCL from here on
      throw;
    }
    run(ncclGroupEnd(), "ncclGroupEnd");
  }
  settle("ncclGroupEnd");
}

void GpuSite::reduce(float const* from, float* to, std::size_t count, int root) {
  run(ncclReduce(from, to, count, ncclFloat, ncclSum, root, nccl_, stream_), "ncclReduce");
}

void GpuSite::broadcast(float* values, std::size_t count, int root) {
  run(ncclBroadcast(values, values, count, ncclFloat, root, nccl_, stream_), "ncclBroadcast");
}

void GpuSite::check() const {
  if (is_lost_) throw ProcessLost("NCCL: a rank of the site is lost");
  if (has_failed_)
    throw base::RuntimeFailure("NCCL has failed between the ranks of a site; the log says how");
}

// NCCL may hear of a lost rank before MPI does, and calls it an error of its own.
void GpuSite::run(ncclResult_t result, char const* call) {
  if (result == ncclSuccess || result == ncclInProgress) return;
  auto const until = std::chrono::steady_clock::now() + longest_hearing;
  while (!is_lost_ && std::chrono::steady_clock::now() < until) std::this_thread::sleep_for(look_every);
  check();
  throw base::RuntimeFailure(
      fmt::format("{}: {} ({})", call, ncclGetErrorString(result), ncclGetLastError(nccl_)));
}

// Calls return before they have been taken.
void GpuSite::settle(char const* call) {
  for (;;) {
    check();
    {
      std::lock_guard const lock(mutex_);
      if (nccl_ == nullptr) continue;
      ncclResult_t state = ncclSuccess;
      run(ncclCommGetAsyncError(nccl_, &state), "ncclCommGetAsyncError");
      run(state, call);
      if (state == ncclSuccess) return;
    }
    std::this_thread::sleep_for(settling);
  }
}

void GpuSite::watch() {
  try {
    LossWatch losses(site_);
    for (auto sound_at = std::chrono::steady_clock::now(); !is_over_;
         std::this_thread::sleep_for(look_every)) {
      losses.look();
      auto const now = std::chrono::steady_clock::now();
      auto const error = state();
      if (error == ncclSuccess) {
        sound_at = now;
      } else if (now - sound_at > longest_hearing) {
        base::log::error(fmt::format("NCCL: {} ({})", ncclGetErrorString(error), ncclGetLastError(nullptr)));
        has_failed_ = true;
        abort();
      }
    }
  } catch (ProcessLost const&) {
    is_lost_ = true;
    abort();
  } catch (std::exception const& failure) {
    base::log::error(fmt::format("nobody watches for lost ranks any more: {}", failure.what()));
  }
}

// What goes wrong in a stream nobody else would hear of. While calls are made, they hear it themselves.
ncclResult_t GpuSite::state() {
  std::unique_lock const lock(mutex_, std::try_to_lock);
  if (!lock || nccl_ == nullptr) return ncclSuccess;
  ncclResult_t state = ncclSuccess;
  auto const result = ncclCommGetAsyncError(nccl_, &state);
  if (result != ncclSuccess) return result;
  return state == ncclInProgress ? ncclSuccess : state;
}

void GpuSite::abort() noexcept {
  std::lock_guard const lock(mutex_);
  if (nccl_ != nullptr) ncclCommAbort(std::exchange(nccl_, nullptr));
}

}  // namespace atl::comm
