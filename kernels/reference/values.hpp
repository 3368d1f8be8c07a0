// The serial twins: each kernel once more, from the textbook, in double and without a thought for speed.
// Matrices are row-major and packed; every function returns new values, so a gradient here is never
// accumulated.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace atl::kernels::reference {

using Values = std::vector<double>;
using Input = std::span<double const>;
using Tokens = std::span<std::int32_t const>;

}  // namespace atl::kernels::reference
