// How much of a model's work is done: counted where it is done.
#pragma once

#include <cstdint>

namespace atl::kernels {

// Floating-point operations of all matrix products of this process so far, 2 rows cols inner each. Products
// are made by one thread at a time.
inline std::uint64_t product_operations = 0;

}  // namespace atl::kernels
