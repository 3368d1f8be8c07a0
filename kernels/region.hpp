// Names a stretch of host code for Kokkos' profiling tools, where there is no parallel_for to carry a label.
#pragma once

#include <Kokkos_Core.hpp>

namespace atl::kernels {

class Region {
 public:
  explicit Region(char const* label) { Kokkos::Profiling::pushRegion(label); }
  ~Region() { Kokkos::Profiling::popRegion(); }
  Region(Region const&) = delete;
  Region& operator=(Region const&) = delete;
};

}  // namespace atl::kernels
