// Memory that lives as long as its owner: allocated once by models and optimizers, handed to kernels as
// ranges.
#pragma once

#include <string>

#include "kernels/bf16.hpp"
#include "kernels/views.hpp"

namespace atl::kernels {

// Whether the host reads and writes what kernels compute with (else: on_host.hpp).
constexpr bool is_host_memory = Kokkos::SpaceAccessibility<Kokkos::HostSpace, ExecMemory>::accessible;

using FloatBuffer = Kokkos::View<float*, Kokkos::LayoutRight, ExecMemory>;
using Bf16Buffer = Kokkos::View<Bf16*, Kokkos::LayoutRight, ExecMemory>;
// Host memory that a device copies from and to at the speed of the bus, beside the host: pinned.
#if defined(KOKKOS_ENABLE_CUDA)
using HostStagingSpace = Kokkos::CudaHostPinnedSpace;
#else
using HostStagingSpace = Kokkos::HostSpace;
#endif
using TokenBuffer = Kokkos::View<std::int32_t*, Kokkos::LayoutRight, ExecMemory>;

// `size` zeros, aligned to 64 bytes. On the host they ask for huge pages, so allocate a few large buffers
// rather than many small ones. Throws what Kokkos throws where memory runs out.
FloatBuffer make_float_buffer(std::string const& label, std::size_t size);
Bf16Buffer make_bf16_buffer(std::string const& label, std::size_t size);

}  // namespace atl::kernels
