// Ranges of NVTX, by which Nsight Systems names stretches of its timelines. A range ends on the thread that
// it begins on, the last one first.
#pragma once

namespace atl::kernels::cuda {

// A profiler that hears of ranges has started this process: NVTX finds it by NVTX_INJECTION64_PATH, or not at
// all.
bool has_nvtx_tool();

void push_range(char const* name);
void pop_range();

}  // namespace atl::kernels::cuda
