// Matrix products where the execution space is not the host: on CUDA by cuBLASLt; elsewhere one thread an
// element, which is correct and slow.
#include <stdexcept>
#include <string>

#include "kernels/loops.hpp"
#include "kernels/matmul.hpp"
#include "kernels/operations.hpp"
#include "kernels/region.hpp"
#ifdef KOKKOS_ENABLE_CUDA
#include "kernels/cuda/matmul.hpp"
#endif

namespace atl::kernels {
namespace {

// A factor as the product reads it.
struct Operand {
  Factor matrix;
  bool transposed = false;

  std::size_t rows() const { return transposed ? matrix.cols : matrix.rows; }
  std::size_t cols() const { return transposed ? matrix.rows : matrix.cols; }
};

#ifdef KOKKOS_ENABLE_CUDA

template <class Pointer>
cuda::Matrix plain(AnyMatrix<Pointer> const& x) {
  return {const_cast<void*>(x.data), x.number == Number::bf16, x.rows, x.cols, x.stride};
}

bool run(Exec const& exec, Operand const& a, Operand const& b, Update update, Product const& out,
         void const* bias) {
  return cuda::multiply(exec.cuda_stream(), {plain(a.matrix), a.transposed}, {plain(b.matrix), b.transposed},
                        update == Update::add, plain(out), bias);
}

#else

// Where element (i, k) of an operand lies: at data[i * row + k * col].
template <class In>
struct Steps {
  Steps(Operand const& x)
      : data(static_cast<In const*>(x.matrix.data)),
        row(x.transposed ? 1 : x.matrix.stride),
        col(x.transposed ? x.matrix.stride : 1) {}

  In const* data;
  std::size_t row, col;
};

template <class In, class Out>
void run_as(Exec const& exec, Steps<In> const& a, Steps<In> const& b, std::size_t inner, Update update,
            Product const& out) {
  auto* const to = static_cast<Out*>(out.data);
  std::size_t const width = out.cols, stride = out.stride;
  bool const adds = update == Update::add;  // else out is not read: it may hold anything
  for_rows(
      exec, "product", out.rows * width, KOKKOS_LAMBDA(std::size_t i) {
        std::size_t const n = i / width, m = i % width;
        float sum = 0.0F;
        for (std::size_t k = 0; k < inner; ++k) {
          sum += static_cast<float>(a.data[n * a.row + k * a.col]) *
                 static_cast<float>(b.data[k * b.row + m * b.col]);
        }
        Out& place = to[n * stride + m];
        place = static_cast<Out>(adds ? static_cast<float>(place) + sum : sum);
      });
}

bool run(Exec const& exec, Operand const& a, Operand const& b, Update update, Product const& out,
         void const*) {
  if (a.matrix.number == Number::fp32) {
    run_as<float, float>(exec, a, b, a.cols(), update, out);
  } else if (out.number == Number::fp32) {
    run_as<Bf16, float>(exec, a, b, a.cols(), update, out);
  } else {
    run_as<Bf16, Bf16>(exec, a, b, a.cols(), update, out);
  }
  return false;
}

#endif

// True where the bias was added, too.
bool multiply(Exec const& exec, char const* label, Operand const& a, Operand const& b, Update update,
              Product const& out, void const* bias = nullptr) {
  Region const region(label);
  if (a.rows() != out.rows || b.cols() != out.cols || a.cols() != b.rows()) {
    throw std::runtime_error(std::string(label) + ": the shapes of the matrices do not fit together");
  }
  bool const is_fp32 = a.matrix.number == Number::fp32;
  if (a.matrix.number != b.matrix.number || (is_fp32 && out.number != Number::fp32)) {
    throw std::runtime_error(std::string(label) + ": the numbers of the matrices do not fit together");
  }
  product_operations += 2 * out.rows * out.cols * a.cols();
  bytes_moved += bytes_of(a.matrix) + bytes_of(b.matrix) + (update == Update::add ? 2 : 1) * bytes_of(out);
  try {
    return run(exec, a, b, update, out, bias);
  } catch (std::runtime_error const& error) {
    throw std::runtime_error(std::string(label) + ": " + error.what());
  }
}

}  // namespace

void matmul_nt(Exec const& exec, Factor const& a, Factor const& b, Update update, Product const& out) {
  multiply(exec, "matmul_nt", {a, false}, {b, true}, update, out);
}

bool matmul_nt_bias(Exec const& exec, Factor const& a, Factor const& b, void const* bias,
                    Product const& out) {
  return multiply(exec, "matmul_nt", {a, false}, {b, true}, Update::overwrite, out, bias);
}

void matmul_nn(Exec const& exec, Factor const& a, Factor const& b, Update update, Product const& out) {
  multiply(exec, "matmul_nn", {a, false}, {b, false}, update, out);
}

void matmul_tn(Exec const& exec, Factor const& a, Factor const& b, Update update, Product const& out) {
  multiply(exec, "matmul_tn", {a, true}, {b, false}, update, out);
}

}  // namespace atl::kernels
