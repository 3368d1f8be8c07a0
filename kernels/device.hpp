// What kernels compute on: a process that computes has one, before its first buffer and until after its last.
// Another cannot follow, since Kokkos starts once.
#pragma once

#include <Kokkos_Core.hpp>

namespace atl::kernels {

class Device {
 public:
  // Of several GPUs that of this process's rank on its node. Throws std::runtime_error where this build
  // computes on GPUs and there is none that works.
  Device() = default;

 private:
  struct Found {
    Found();
  };
  Found found_;  // first: without a GPU Kokkos would end the process
  Kokkos::ScopeGuard kokkos_;
};

}  // namespace atl::kernels
