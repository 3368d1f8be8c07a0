// Products of row-major matrices in the memory of an NVIDIA GPU, by cuBLASLt: what kernels/matmul.hpp
// promises, for plain pointers. Needs CUDA's runtime and cuBLASLt, and no Kokkos.
#pragma once

#include <cuda_runtime_api.h>

#include <cstddef>

namespace atl::kernels::cuda {

// A row-major matrix of fp32 or bf16; its rows begin `stride` numbers apart.
struct Matrix {
  void* data = nullptr;
  bool is_bf16 = false;
  std::size_t rows = 0, cols = 0, stride = 0;
};

// A factor as the product reads it.
struct Operand {
  Matrix matrix;
  bool is_transposed = false;

  std::size_t rows() const { return is_transposed ? matrix.cols : matrix.rows; }
  std::size_t cols() const { return is_transposed ? matrix.rows : matrix.cols; }
};

// out[n,m] = sum_k a[n,k] b[k,m], or += with `adds`, + bias[m] where one is given and the library adds it in
// the same kernel: returns whether. The bias is of the output's numbers and does not go with `adds`. Enqueues
// on stream. Factors are both fp32, with an output of fp32, or both bf16, with one of either; the shapes fit
// together.
//
// Sums are fp32, and fp32 factors are taken as they are (no TF32). The same operands give the same bits: an
// algorithm is chosen once for each shape, and where it splits the sum over k it writes fp32 parts to the
// workspace, which a second kernel adds up in their order; atomic sums are not admitted. What stays between
// calls: a plan for each shape, 32 MiB of workspace for each stream. One call at a time; one GPU a process.
//
// Throws std::runtime_error with the shape and what CUDA said.
bool multiply(cudaStream_t stream, Operand const& a, Operand const& b, bool adds, Matrix const& out,
              void const* bias = nullptr);

}  // namespace atl::kernels::cuda
