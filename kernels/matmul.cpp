#include "kernels/matmul.hpp"

#include <oneapi/dnnl/dnnl.h>

#include <stdexcept>
#include <string>

#include "kernels/region.hpp"

namespace atl::kernels {
namespace {

static_assert(Kokkos::SpaceAccessibility<Kokkos::HostSpace, ExecMemory>::accessible,
              "these products run on the host; a device build brings its own matmul.cpp");

struct Operand {
  Tensor2<float const> matrix;
  bool transposed = false;

  std::size_t rows() const { return matrix.extent(transposed ? 1 : 0); }
  std::size_t cols() const { return matrix.extent(transposed ? 0 : 1); }
  char flag() const { return transposed ? 'T' : 'N'; }
};

dnnl_dim_t leading_dimension(Tensor2<float const> const& x) { return static_cast<dnnl_dim_t>(x.stride(0)); }

void multiply(char const* label, Operand const& a, Operand const& b, Update update,
              Tensor2<float> const& out) {
  Region const region(label);
  if (a.rows() != out.extent(0) || b.cols() != out.extent(1) || a.cols() != b.rows()) {
    throw std::runtime_error(std::string(label) + ": the shapes of the matrices do not fit together");
  }
  if (out.size() == 0) return;
  // The C function is the same in oneDNN 2 and 3, takes any row stride, and was measured no slower than the
  // matmul primitive down to 64 x 64 x 64 with strided operands.
  dnnl_status_t const status = dnnl_sgemm(
      a.flag(), b.flag(), static_cast<dnnl_dim_t>(a.rows()), static_cast<dnnl_dim_t>(b.cols()),
      static_cast<dnnl_dim_t>(a.cols()), 1.0F, a.matrix.data(), leading_dimension(a.matrix), b.matrix.data(),
      leading_dimension(b.matrix), update == Update::add ? 1.0F : 0.0F, out.data(), leading_dimension(out));
  if (status != dnnl_success) {
    throw std::runtime_error(std::string(label) + ": oneDNN returned status " + std::to_string(status));
  }
}

}  // namespace

void matmul_nt(Exec const&, Tensor2<float const> a, Tensor2<float const> b, Update update,
               Tensor2<float> out) {
  multiply("matmul_nt", {a, false}, {b, true}, update, out);
}

void matmul_nn(Exec const&, Tensor2<float const> a, Tensor2<float const> b, Update update,
               Tensor2<float> out) {
  multiply("matmul_nn", {a, false}, {b, false}, update, out);
}

void matmul_tn(Exec const&, Tensor2<float const> a, Tensor2<float const> b, Update update,
               Tensor2<float> out) {
  multiply("matmul_tn", {a, true}, {b, false}, update, out);
}

}  // namespace atl::kernels
