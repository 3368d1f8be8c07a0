// Twin of kernels/matmul.hpp.
#pragma once

#include "kernels/reference/values.hpp"

namespace atl::kernels::reference {

struct Extents {
  std::size_t rows = 0, cols = 0;  // of the product
  std::size_t inner = 0;           // the index summed over
};

Values matmul_nt(Input a, Input b, Extents const& extents);  // a (rows, inner), b (cols, inner)
Values matmul_nn(Input a, Input b, Extents const& extents);  // a (rows, inner), b (inner, cols)
Values matmul_tn(Input a, Input b, Extents const& extents);  // a (inner, rows), b (inner, cols)

}  // namespace atl::kernels::reference
