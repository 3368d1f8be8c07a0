#include "kernels/cuda/nvtx.hpp"

#include <nvtx3/nvToolsExt.h>

#include <cstdlib>

namespace atl::kernels::cuda {

bool has_nvtx_tool() {
  char const* const tool = std::getenv("NVTX_INJECTION64_PATH");
  return tool != nullptr && *tool != '\0';
}

void push_range(char const* name) { nvtxRangePushA(name); }
void pop_range() { nvtxRangePop(); }

}  // namespace atl::kernels::cuda
