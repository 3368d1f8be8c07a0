// main of the tests that use Kokkos. Where that runs on CUDA and there is no GPU they are skipped, and say
// so.
#include <Kokkos_Core.hpp>

#include "support/session.hpp"

int main(int argc, char** argv) {
  if (atl::test::only_lists(argc, argv)) return atl::test::run_session(argc, argv);
#ifdef KOKKOS_ENABLE_CUDA
  int gpus = 0;
  if (cudaError_t const error = cudaGetDeviceCount(&gpus); error != cudaSuccess || gpus == 0)
    return atl::test::skip_all(error == cudaSuccess ? "no GPU" : cudaGetErrorString(error));
#endif
  Kokkos::ScopeGuard const kokkos(argc, argv);
  return atl::test::run_session(argc, argv);
}
