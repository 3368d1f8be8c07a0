// What this machine's processor offers to kernels that compute: results can differ in the last bit with it.
#pragma once

#include <string>

namespace atl::base {

// "avx2 fma avx512f".
std::string cpu_features();

}  // namespace atl::base
