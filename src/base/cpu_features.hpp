// What this machine's processor offers to kernels that compute: results can differ in the last bit with it.
#pragma once

#include <string>

namespace atl::base {

// "avx2 fma avx512f".
std::string cpu_features();

// True where it has instructions that multiply bf16 numbers (avx512_bf16).
bool has_bf16();

// True where these are faster than those of fp32: by AMD, and where there are tiles (amx_bf16). Intel's
// avx512_bf16 multiplies at half the rate of fp32 (measured: 75 against 153 GFLOP/s a core).
bool has_fast_bf16();

}  // namespace atl::base
