// What kernels compute on: a process that computes has one, before its first buffer and until after its last.
// Another cannot follow, since Kokkos starts once.
#pragma once

#include <Kokkos_Core.hpp>

#include "kernels/gpu_choice.hpp"

namespace atl::kernels {

class Device {
 public:
  // Of several GPUs that of its seat (gpu_choice.hpp); CUDA_VISIBLE_DEVICES says which there are. Throws
  // std::runtime_error where this build computes on GPUs and there is none that works.
  explicit Device(Seat seat = {});

 private:
  GpuClaims claims_;
  Kokkos::ScopeGuard kokkos_;
};

}  // namespace atl::kernels
