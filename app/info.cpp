// atoll info: what this build was made of, and what this machine offers it.
#include <fmt/format.h>
#include <hdf5.h>

#include <Kokkos_Core.hpp>
#include <nlohmann/json.hpp>
#ifdef KOKKOS_ENABLE_CUDA
#include <cublasLt.h>
#endif
#ifdef ATOLL_NCCL
#include <nccl.h>
#endif
#ifdef ATOLL_HAS_DNNL
#include <dnnl.h>
#endif

#include "app/commands.hpp"
#include "base/cpu_features.hpp"
#include "base/exit_code.hpp"
#include "data/sentencepiece.hpp"

namespace atl::app {

namespace {

// "13.0, for sm_90; 1 GPU: NVIDIA H100 80GB HBM3, compute capability 9.0"
std::string cuda() {
#ifdef KOKKOS_ENABLE_CUDA
  auto text = fmt::format("{}.{}, for sm_" ATOLL_KOKKOS_ARCHITECTURE "; ", CUDART_VERSION / 1000,
                          CUDART_VERSION % 1000 / 10);
  int count = 0;
  cudaDeviceProp first{};
  auto error = cudaGetDeviceCount(&count);
  if (error == cudaSuccess && count > 0) error = cudaGetDeviceProperties(&first, 0);
  if (error != cudaSuccess || count == 0)
    return text + (error == cudaSuccess ? "no GPU" : fmt::format("no GPU: {}", cudaGetErrorString(error)));
  return text + fmt::format("{} GPU{}: {}, compute capability {}.{}", count, count == 1 ? "" : "s",
                            first.name, first.major, first.minor);
#else
  return "not built";
#endif
}

std::string nccl() {
#ifdef ATOLL_NCCL
  int version = 0;
  if (ncclGetVersion(&version) != ncclSuccess) return "not found";
  return fmt::format("{}.{}.{}", version / 10000, version / 100 % 100, version % 100);
#else
  return "not built";
#endif
}

// What multiplies matrices.
std::string blas() {
#if defined(KOKKOS_ENABLE_CUDA)
  auto const version = cublasLtGetVersion();
  return fmt::format("cuBLASLt {}.{}.{}", version / 10000, version / 100 % 100, version % 100);
#elif defined(ATOLL_HAS_DNNL)
  auto const* const dnnl = dnnl_version();
  return fmt::format("oneDNN {}.{}.{}", dnnl->major, dnnl->minor, dnnl->patch);
#else
  return "none";
#endif
}

}  // namespace

int run_command(InfoFlags const& flags) {
  unsigned hdf5_major = 0, hdf5_minor = 0, hdf5_release = 0;
  H5get_libversion(&hdf5_major, &hdf5_minor, &hdf5_release);
  nlohmann::ordered_json const json{
      {"atoll", ATOLL_VERSION},
      {"compiler", __VERSION__},
      {"mpi", comm::describe_mpi()},
      {"kokkos", fmt::format("{}.{}.{}, {}", KOKKOS_VERSION / 10000, KOKKOS_VERSION / 100 % 100,
                             KOKKOS_VERSION % 100, Kokkos::DefaultExecutionSpace::name())},
      {"cuda", cuda()},
      {"nccl", nccl()},
      {"blas", blas()},
      {"hdf5", fmt::format("{}.{}.{}", hdf5_major, hdf5_minor, hdf5_release)},
      {"sentencepiece", data::sentencepiece_version()},
      {"cpu", base::cpu_features()}};
  if (flags.json) {
    fmt::print("{}\n", json.dump(2));
  } else {
    for (auto const& [name, value] : json.items()) fmt::print("{:<13} {}\n", name, value.get<std::string>());
  }
  return static_cast<int>(base::ExitCode::done);
}

}  // namespace atl::app
