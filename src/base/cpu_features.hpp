// What this machine's processor offers to kernels that compute: results can differ in the last bit with it.
#pragma once

#include <string>

namespace atl::base {

// "avx2 fma avx512f".
std::string cpu_features();

// True where it multiplies bf16 numbers (avx512_bf16); products of them would be slower than of fp32
// elsewhere.
bool has_bf16();

}  // namespace atl::base
