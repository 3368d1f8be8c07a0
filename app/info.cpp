// atoll info: what this build was made of, and what this machine offers it.
#include <dnnl.h>
#include <fmt/format.h>
#include <hdf5.h>

#include <Kokkos_Core.hpp>
#include <nlohmann/json.hpp>

#include "app/commands.hpp"
#include "base/cpu_features.hpp"
#include "base/exit_code.hpp"

namespace atl::app {

namespace {

std::string cuda() {
#ifdef KOKKOS_ENABLE_CUDA
  return "kernels and model; training on a GPU is not available in this version";
#else
  return "not built";
#endif
}

}  // namespace

int run_command(InfoFlags const& flags) {
  unsigned hdf5_major = 0, hdf5_minor = 0, hdf5_release = 0;
  H5get_libversion(&hdf5_major, &hdf5_minor, &hdf5_release);
  auto const* const dnnl = dnnl_version();
  nlohmann::ordered_json const json{
      {"atoll", ATOLL_VERSION},
      {"compiler", __VERSION__},
      {"mpi", comm::describe_mpi()},
      {"kokkos", fmt::format("{}.{}.{}, {}", KOKKOS_VERSION / 10000, KOKKOS_VERSION / 100 % 100,
                             KOKKOS_VERSION % 100, Kokkos::DefaultExecutionSpace::name())},
      {"cuda", cuda()},
      {"nccl", "not built"},
      {"blas", fmt::format("oneDNN {}.{}.{}", dnnl->major, dnnl->minor, dnnl->patch)},
      {"hdf5", fmt::format("{}.{}.{}", hdf5_major, hdf5_minor, hdf5_release)},
      {"cpu", base::cpu_features()}};
  if (flags.json) {
    fmt::print("{}\n", json.dump(2));
  } else {
    for (auto const& [name, value] : json.items()) fmt::print("{:<9} {}\n", name, value.get<std::string>());
  }
  return static_cast<int>(base::ExitCode::done);
}

}  // namespace atl::app
