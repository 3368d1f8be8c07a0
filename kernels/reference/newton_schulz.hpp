// Twin of kernels/newton_schulz.hpp.
#pragma once

#include "kernels/reference/values.hpp"

namespace atl::kernels::reference {

Values newton_schulz(Values x, std::size_t rows, std::size_t cols);

}  // namespace atl::kernels::reference
