// Matrix products where the execution space is not the host: one thread an element.
// Correct everywhere, fast nowhere.
#include <stdexcept>
#include <string>

#include "kernels/loops.hpp"
#include "kernels/matmul.hpp"
#include "kernels/operations.hpp"

namespace atl::kernels {
namespace {

// An operand as the product reads it: element (i, k) lies at data[i * row + k * col].
struct Operand {
  Operand(Factor const& matrix, bool transposed)
      : data(matrix.data),
        number(matrix.number),
        rows(transposed ? matrix.cols : matrix.rows),
        cols(transposed ? matrix.rows : matrix.cols),
        row(transposed ? 1 : matrix.stride),
        col(transposed ? matrix.stride : 1) {}

  void const* data;
  Number number;
  std::size_t rows, cols, row, col;
};

template <class In, class Out>
void multiply_as(Exec const& exec, char const* label, Operand const& a, Operand const& b, Update update,
                 Product const& out) {
  auto const* const from_a = static_cast<In const*>(a.data);
  auto const* const from_b = static_cast<In const*>(b.data);
  auto* const to = static_cast<Out*>(out.data);
  std::size_t const width = out.cols, stride = out.stride;
  bool const adds = update == Update::add;  // else out is not read: it may hold anything
  for_rows(
      exec, label, out.rows * width, KOKKOS_LAMBDA(std::size_t i) {
        std::size_t const n = i / width, m = i % width;
        float sum = 0.0F;
        for (std::size_t k = 0; k < a.cols; ++k) {
          sum += static_cast<float>(from_a[n * a.row + k * a.col]) *
                 static_cast<float>(from_b[k * b.row + m * b.col]);
        }
        Out& place = to[n * stride + m];
        place = static_cast<Out>(adds ? static_cast<float>(place) + sum : sum);
      });
}

void multiply(Exec const& exec, char const* label, Operand const& a, Operand const& b, Update update,
              Product const& out) {
  if (a.rows != out.rows || b.cols != out.cols || a.cols != b.rows) {
    throw std::runtime_error(std::string(label) + ": the shapes of the matrices do not fit together");
  }
  bool const is_fp32 = a.number == Number::fp32;
  if (a.number != b.number || (is_fp32 && out.number != Number::fp32)) {
    throw std::runtime_error(std::string(label) + ": the numbers of the matrices do not fit together");
  }
  product_operations += 2 * out.rows * out.cols * a.cols;
  bytes_moved += bytes_of(a) + bytes_of(b) + (update == Update::add ? 2 : 1) * bytes_of(out);
  if (is_fp32) {
    multiply_as<float, float>(exec, label, a, b, update, out);
  } else if (out.number == Number::fp32) {
    multiply_as<Bf16, float>(exec, label, a, b, update, out);
  } else {
    multiply_as<Bf16, Bf16>(exec, label, a, b, update, out);
  }
}

}  // namespace

void matmul_nt(Exec const& exec, Factor const& a, Factor const& b, Update update, Product const& out) {
  multiply(exec, "matmul_nt", {a, false}, {b, true}, update, out);
}

void matmul_nn(Exec const& exec, Factor const& a, Factor const& b, Update update, Product const& out) {
  multiply(exec, "matmul_nn", {a, false}, {b, false}, update, out);
}

void matmul_tn(Exec const& exec, Factor const& a, Factor const& b, Update update, Product const& out) {
  multiply(exec, "matmul_tn", {a, true}, {b, false}, update, out);
}

}  // namespace atl::kernels
