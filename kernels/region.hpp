// Names a stretch of host code for Kokkos' profiling tools, where there is no parallel_for to carry a label.
// Within a share of a kernel (loops.hpp) it names nothing: tools hear of the whole, from one thread.
#pragma once

#include <Kokkos_Core.hpp>

namespace atl::kernels {

// This thread works on a share of a kernel.
inline thread_local bool is_sharing = false;

class Region {
 public:
  explicit Region(char const* label) : is_named_(!is_sharing) {
    if (is_named_) Kokkos::Profiling::pushRegion(label);
  }
  ~Region() {
    if (is_named_) Kokkos::Profiling::popRegion();
  }
  Region(Region const&) = delete;
  Region& operator=(Region const&) = delete;

 private:
  bool is_named_;
};

}  // namespace atl::kernels
