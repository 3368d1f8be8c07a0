// Matrix products where the execution space is not the host: one thread an element.
// Correct everywhere, fast nowhere.
#include <stdexcept>
#include <string>

#include "kernels/loops.hpp"
#include "kernels/matmul.hpp"

namespace atl::kernels {
namespace {

// An operand as the product reads it: element (i, k) lies at data[i * row + k * col].
struct Operand {
  Operand(Tensor2<float const> const& matrix, bool transposed)
      : data(matrix.data()),
        rows(matrix.extent(transposed ? 1 : 0)),
        cols(matrix.extent(transposed ? 0 : 1)),
        row(transposed ? 1 : matrix.stride(0)),
        col(transposed ? matrix.stride(0) : 1) {}

  float const* data;
  std::size_t rows, cols, row, col;
};

void multiply(Exec const& exec, char const* label, Operand const& a, Operand const& b, Update update,
              Tensor2<float> const& out) {
  if (a.rows != out.extent(0) || b.cols != out.extent(1) || a.cols != b.rows) {
    throw std::runtime_error(std::string(label) + ": the shapes of the matrices do not fit together");
  }
  std::size_t const width = out.extent(1);
  bool const adds = update == Update::add;  // else out is not read: it may hold anything
  for_rows(
      exec, label, out.extent(0) * width, KOKKOS_LAMBDA(std::size_t i) {
        std::size_t const n = i / width, m = i % width;
        float sum = 0.0F;
        for (std::size_t k = 0; k < a.cols; ++k)
          sum += a.data[n * a.row + k * a.col] * b.data[k * b.row + m * b.col];
        out(n, m) = adds ? out(n, m) + sum : sum;
      });
}

}  // namespace

void matmul_nt(Exec const& exec, Tensor2<float const> a, Tensor2<float const> b, Update update,
               Tensor2<float> out) {
  multiply(exec, "matmul_nt", {a, false}, {b, true}, update, out);
}

void matmul_nn(Exec const& exec, Tensor2<float const> a, Tensor2<float const> b, Update update,
               Tensor2<float> out) {
  multiply(exec, "matmul_nn", {a, false}, {b, false}, update, out);
}

void matmul_tn(Exec const& exec, Tensor2<float const> a, Tensor2<float const> b, Update update,
               Tensor2<float> out) {
  multiply(exec, "matmul_tn", {a, true}, {b, false}, update, out);
}

}  // namespace atl::kernels
