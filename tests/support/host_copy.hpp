// Floats to and from the memory of the build's execution space, which the host need not reach.
#pragma once

#include <vector>

#include "kernels/views.hpp"

namespace atl::test {

using HostFloats =
    Kokkos::View<float*, Kokkos::LayoutRight, Kokkos::HostSpace, Kokkos::MemoryTraits<Kokkos::Unmanaged>>;

// Waits for everything that runs.
inline std::vector<float> to_host(kernels::Tensor1<float const> const& from) {
  std::vector<float> values(from.size());
  Kokkos::deep_copy(HostFloats(values.data(), values.size()), from);
  return values;
}

inline void from_host(std::vector<float> values, kernels::Tensor1<float> const& to) {
  Kokkos::deep_copy(to, HostFloats(values.data(), values.size()));
}

}  // namespace atl::test
