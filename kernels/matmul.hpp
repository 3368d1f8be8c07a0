// Products of row-major matrices: the three that a linear layer Y = X W^T needs. On the host by oneDNN, on
// NVIDIA GPUs by cuBLASLt.
//
// Both operands are of one number type, fp32 or bf16; sums are fp32, and so is the output, or bf16 where the
// operands are. Row strides may exceed the row (ranges of columns). `overwrite` does not read the output.
// Where OpenMP runs, the library takes omp_get_max_threads() threads: set OMP_NUM_THREADS=1 for one thread
// per rank. Throws std::runtime_error where shapes or types do not fit or the library fails.
#pragma once

#include <type_traits>

#include "kernels/bf16.hpp"
#include "kernels/views.hpp"

namespace atl::kernels {

enum class Number { fp32, bf16 };

// A matrix of either number type.
template <class Pointer>
struct AnyMatrix {
  template <class T>
  AnyMatrix(Tensor2<T> const& x)
      : data(x.data()),
        number(std::is_same_v<std::remove_const_t<T>, Bf16> ? Number::bf16 : Number::fp32),
        rows(x.extent(0)),
        cols(x.extent(1)),
        stride(x.stride(0)) {}

  Pointer data;
  Number number;
  std::size_t rows, cols, stride;
};
using Factor = AnyMatrix<void const*>;
using Product = AnyMatrix<void*>;

template <class Matrix>
std::size_t bytes_of(Matrix const& x) {
  return x.rows * x.cols * (x.number == Number::bf16 ? sizeof(Bf16) : sizeof(float));
}

// out[n,m] (+)= sum_k a[n,k] b[m,k]: Y = X W^T, the forward product.
void matmul_nt(Exec const& exec, Factor const& a, Factor const& b, Update update, Product const& out);

// The forward product, overwritten, + bias[m] where the library adds it in the same kernel: returns whether.
// `bias` is of the output's numbers.
bool matmul_nt_bias(Exec const& exec, Factor const& a, Factor const& b, void const* bias, Product const& out);

// out[n,k] (+)= sum_m a[n,m] b[m,k]: dX = dY W.
void matmul_nn(Exec const& exec, Factor const& a, Factor const& b, Update update, Product const& out);

// out[m,k] (+)= sum_n a[n,m] b[n,k]: dW += dY^T X.
void matmul_tn(Exec const& exec, Factor const& a, Factor const& b, Update update, Product const& out);

}  // namespace atl::kernels
