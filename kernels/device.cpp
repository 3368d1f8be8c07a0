#include "kernels/device.hpp"

#if defined(KOKKOS_ENABLE_CUDA)
#include <cuda_runtime_api.h>

#include <stdexcept>
#include <string>
#endif

namespace atl::kernels {

Device::Found::Found() {
#if defined(KOKKOS_ENABLE_CUDA)
  int count = 0;
  auto const code = cudaGetDeviceCount(&count);
  if (code == cudaSuccess && count > 0) return;
  throw std::runtime_error(std::string("this build computes on NVIDIA GPUs, and none works here (") +
                           (code == cudaSuccess ? "no device" : cudaGetErrorString(code)) +
                           "): start it where there is one, or use a build with a Kokkos for the host");
#endif
}

}  // namespace atl::kernels
