// What kernels compute on: a process that computes has one, before its first buffer and until after its last.
// Another cannot follow, since Kokkos starts once.
#pragma once

#include <Kokkos_Core.hpp>
#include <cstddef>
#include <memory>
#include <string>

#include "kernels/gpu_choice.hpp"

namespace atl::kernels {

class Device {
 public:
  // Of several GPUs that of its seat (gpu_choice.hpp); CUDA_VISIBLE_DEVICES says which there are. Throws
  // std::runtime_error where this build computes on GPUs and there is none that works.
  explicit Device(Seat seat = {});
  ~Device();
  Device(Device const&) = delete;
  Device& operator=(Device const&) = delete;

  // While there is a Device. Of the host: nothing.
  struct Facts {
    std::string name;       // as its maker calls it
    std::string id;         // no other device of any machine has it
    std::size_t bytes = 0;  // of its memory
  };
  static Facts facts();

 private:
  struct Ranges;  // what Kokkos labels, in the timeline of a profiler
  GpuClaims claims_;
  Kokkos::ScopeGuard kokkos_;
  std::unique_ptr<Ranges> ranges_;  // none: nobody draws one
};

}  // namespace atl::kernels
