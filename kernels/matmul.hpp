// Products of row-major fp32 matrices: the three that a linear layer Y = X W^T needs. On the host by oneDNN.
//
// Row strides may exceed the row (ranges of columns). `overwrite` does not read the output. Where OpenMP
// runs, the library takes omp_get_max_threads() threads: set OMP_NUM_THREADS=1 for one thread per rank.
// Throws std::runtime_error where the shapes do not fit or the library fails.
#pragma once

#include "kernels/views.hpp"

namespace atl::kernels {

// out[n,m] (+)= sum_k a[n,k] b[m,k]: Y = X W^T, the forward product.
void matmul_nt(Exec const& exec, Tensor2<float const> a, Tensor2<float const> b, Update update,
               Tensor2<float> out);

// out[n,k] (+)= sum_m a[n,m] b[m,k]: dX = dY W.
void matmul_nn(Exec const& exec, Tensor2<float const> a, Tensor2<float const> b, Update update,
               Tensor2<float> out);

// out[m,k] (+)= sum_n a[n,m] b[n,k]: dW += dY^T X.
void matmul_tn(Exec const& exec, Tensor2<float const> a, Tensor2<float const> b, Update update,
               Tensor2<float> out);

}  // namespace atl::kernels
