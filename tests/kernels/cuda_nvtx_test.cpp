// Ranges reach a profiler that has started the process.
#include <dlfcn.h>

#include <cstdlib>
#include <string>

#include "kernels/cuda/nvtx.hpp"
#include "support/catch.hpp"

using namespace atl::kernels;

// One case: NVTX looks for a tool once in a process.
TEST_CASE("a profiler that NVTX is pointed at hears of ranges") {
  unsetenv("NVTX_INJECTION64_PATH");
  CHECK_FALSE(cuda::has_nvtx_tool());
  setenv("NVTX_INJECTION64_PATH", ATOLL_NVTX_TOOL, 1);
  REQUIRE(cuda::has_nvtx_tool());
  cuda::push_range("training_step");
  cuda::push_range("matmul_nt");
  cuda::pop_range();
  cuda::pop_range();

  auto* const tool = dlopen(ATOLL_NVTX_TOOL, RTLD_LAZY);  // the one that NVTX has loaded
  REQUIRE(tool != nullptr);
  auto const heard_at = reinterpret_cast<char const* (*)(std::size_t)>(dlsym(tool, "heard_at"));
  REQUIRE(heard_at != nullptr);
  std::string heard;
  for (std::size_t place = 0; heard_at(place) != nullptr; ++place)
    heard += std::string(heard_at(place)) + ";";
  CHECK(heard == "training_step;matmul_nt;;;");
}
