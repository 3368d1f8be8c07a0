#include "kernels/device.hpp"

#include "kernels/views.hpp"

#if defined(KOKKOS_ENABLE_CUDA)
#include <cuda_runtime_api.h>

#include <array>
#include <cstdint>
#include <stdexcept>
#include <string>

#ifdef ATOLL_NVTX
#include "kernels/cuda/nvtx.hpp"
#include "kernels/listener.hpp"
#endif
#endif

namespace atl::kernels {

#if defined(KOKKOS_ENABLE_CUDA)

#ifdef ATOLL_NVTX

struct Device::Ranges final : Listener {
  void begin(char const* label) override { cuda::push_range(label); }
  void end() override { cuda::pop_range(); }
  Listening const listening{*this};
};

#else
struct Device::Ranges {};
#endif

namespace {

// Without a GPU Kokkos would end the process.
int count_gpus() {
  int count = 0;
  auto const code = cudaGetDeviceCount(&count);
  if (code == cudaSuccess && count > 0) return count;
  throw std::runtime_error(std::string("this build computes on NVIDIA GPUs, and none works here (") +
                           (code == cudaSuccess ? "no device" : cudaGetErrorString(code)) +
                           "): start it where there is one, or use a build with a Kokkos for the host");
}

// The same in every process, whatever each of them calls the device.
std::string address_of(int gpu) {
  std::array<char, 32> address{};
  auto const code = cudaDeviceGetPCIBusId(address.data(), static_cast<int>(address.size()), gpu);
  return code == cudaSuccess ? address.data() : "device " + std::to_string(gpu);
}

#ifdef ATOLL_NVTX

// Else Kokkos waits for the GPU wherever a label begins or ends that anybody hears, and the timeline shows
// little but that. It asks when it starts.
void hear_without_fences() {
  namespace tools = Kokkos::Tools::Experimental;
  auto callbacks = tools::get_callbacks();
  callbacks.request_tool_settings = [](std::uint32_t, tools::ToolSettings* settings) {
    settings->requires_global_fencing = false;
  };
  tools::set_callbacks(callbacks);
}

#endif

Kokkos::InitializationSettings settings_for(Seat seat, GpuClaims& claims) {
#ifdef ATOLL_NVTX
  if (cuda::has_nvtx_tool()) hear_without_fences();
#endif
  auto const claim = [&](int gpu, int place) { return claims.take(address_of(gpu), place); };
  return Kokkos::InitializationSettings().set_device_id(choose_gpu(count_gpus(), seat, claim));
}

}  // namespace

Device::Device(Seat seat) : kokkos_(settings_for(seat, claims_)) {
#ifdef ATOLL_NVTX
  if (cuda::has_nvtx_tool()) ranges_ = std::make_unique<Ranges>();
#endif
}

Device::Facts Device::facts() {
  auto const& device = Exec().cuda_device_prop();
  return {device.name, std::string(device.uuid.bytes, sizeof device.uuid.bytes), device.totalGlobalMem};
}

#else

struct Device::Ranges {};

Device::Device(Seat) {}

Device::Facts Device::facts() { return {}; }

#endif

Device::~Device() = default;

}  // namespace atl::kernels
