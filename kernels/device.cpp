#include "kernels/device.hpp"

#if defined(KOKKOS_ENABLE_CUDA)
#include <cuda_runtime_api.h>

#include <array>
#include <stdexcept>
#include <string>
#endif

namespace atl::kernels {

#if defined(KOKKOS_ENABLE_CUDA)

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

Kokkos::InitializationSettings settings_for(Seat seat, GpuClaims& claims) {
  auto const claim = [&](int gpu, int place) { return claims.take(address_of(gpu), place); };
  return Kokkos::InitializationSettings().set_device_id(choose_gpu(count_gpus(), seat, claim));
}

}  // namespace

Device::Device(Seat seat) : kokkos_(settings_for(seat, claims_)) {}

#else

Device::Device(Seat) {}

#endif

}  // namespace atl::kernels
