#include "kernels/reference/matmul.hpp"

namespace atl::kernels::reference {
namespace {

// How far apart two neighbours in a row, or in a column, of an operand lie in memory.
struct Strides {
  std::size_t row = 0, col = 0;
};

Values multiply(Input a, Strides const& in_a, Input b, Strides const& in_b, Extents const& extents) {
  Values out(extents.rows * extents.cols, 0.0);
  for (std::size_t i = 0; i < extents.rows; ++i) {
    for (std::size_t j = 0; j < extents.cols; ++j) {
      for (std::size_t k = 0; k < extents.inner; ++k) {
        out[i * extents.cols + j] += a[i * in_a.row + k * in_a.col] * b[k * in_b.row + j * in_b.col];
      }
    }
  }
  return out;
}

}  // namespace

Values matmul_nt(Input a, Input b, Extents const& extents) {
  return multiply(a, {extents.inner, 1}, b, {1, extents.inner}, extents);
}

Values matmul_nn(Input a, Input b, Extents const& extents) {
  return multiply(a, {extents.inner, 1}, b, {extents.cols, 1}, extents);
}

Values matmul_tn(Input a, Input b, Extents const& extents) {
  return multiply(a, {1, extents.rows}, b, {extents.cols, 1}, extents);
}

}  // namespace atl::kernels::reference
