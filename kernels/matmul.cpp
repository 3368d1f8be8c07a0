#include "kernels/matmul.hpp"

#include <array>
#include <compare>
#include <map>
#include <oneapi/dnnl/dnnl.hpp>
#include <stdexcept>
#include <string>

#include "kernels/operations.hpp"
#include "kernels/region.hpp"

namespace atl::kernels {
namespace {

static_assert(Kokkos::SpaceAccessibility<Kokkos::HostSpace, ExecMemory>::accessible,
              "these products run on the host; a device build brings its own matmul.cpp");

// A factor as the product reads it.
struct Operand {
  Factor matrix;
  bool transposed = false;

  std::size_t rows() const { return transposed ? matrix.cols : matrix.rows; }
  std::size_t cols() const { return transposed ? matrix.rows : matrix.cols; }
  char flag() const { return transposed ? 'T' : 'N'; }
};

dnnl_dim_t dim(std::size_t size) { return static_cast<dnnl_dim_t>(size); }

// The C function is the same in oneDNN 2 and 3, takes any row stride, and was measured no slower than the
// matmul primitive down to 64 x 64 x 64 with strided operands.
void multiply_fp32(Operand const& a, Operand const& b, Update update, Product const& out) {
  dnnl::error::wrap_c_api(
      dnnl_sgemm(a.flag(), b.flag(), dim(a.rows()), dim(b.cols()), dim(a.cols()), 1.0F,
                 static_cast<float const*>(a.matrix.data), dim(a.matrix.stride),
                 static_cast<float const*>(b.matrix.data), dim(b.matrix.stride),
                 update == Update::add ? 1.0F : 0.0F, static_cast<float*>(out.data), dim(out.stride)),
      "dnnl_sgemm");
}

// All that oneDNN compiles a product for.
struct Layout {
  Layout(Operand const& x)
      : rows(x.rows()), cols(x.cols()), stride(x.matrix.stride), transposed(x.transposed) {}
  Layout(Product const& x) : rows(x.rows), cols(x.cols), stride(x.stride), number(x.number) {}
  auto operator<=>(Layout const&) const = default;

  dnnl::memory::desc desc() const {
    auto const type = number == Number::bf16 ? dnnl::memory::data_type::bf16 : dnnl::memory::data_type::f32;
    dnnl::memory::dims const strides =
        transposed ? dnnl::memory::dims{1, dim(stride)} : dnnl::memory::dims{dim(stride), 1};
    return {{dim(rows), dim(cols)}, type, strides};
  }

  std::size_t rows, cols, stride;
  bool transposed = false;
  Number number = Number::bf16;
};

// A product of bf16 matrices of certain shapes and strides, compiled once.
class CompiledProduct {
 public:
  struct Key {
    Layout a, b, out;
    Update update;
    auto operator<=>(Key const&) const = default;
  };

  CompiledProduct(dnnl::engine const& engine, Key const& key)
      : matmul_(description(engine, key)),
        a_(key.a.desc(), engine, nullptr),
        b_(key.b.desc(), engine, nullptr),
        out_(key.out.desc(), engine, nullptr) {}

  void run(dnnl::stream const& stream, void const* a, void const* b, void* out) {
    a_.set_data_handle(const_cast<void*>(a));  // which it only reads
    b_.set_data_handle(const_cast<void*>(b));
    out_.set_data_handle(out);
    std::array<dnnl_exec_arg_t, 3> const arguments = {
        {{DNNL_ARG_SRC, a_.get()}, {DNNL_ARG_WEIGHTS, b_.get()}, {DNNL_ARG_DST, out_.get()}}};
    dnnl::error::wrap_c_api(dnnl_primitive_execute(matmul_.get(), stream.get(),
                                                   static_cast<int>(arguments.size()), arguments.data()),
                            "dnnl_primitive_execute");
  }

 private:
  static dnnl::matmul::primitive_desc description(dnnl::engine const& engine, Key const& key) {
    dnnl::primitive_attr attributes;
    if (key.update == Update::add) {
      dnnl::post_ops adding;
      adding.append_sum(1.0F);
      attributes.set_post_ops(adding);
    }
#if DNNL_VERSION_MAJOR >= 3
    return {engine, key.a.desc(), key.b.desc(), key.out.desc(), attributes};
#else
    return {dnnl::matmul::desc(key.a.desc(), key.b.desc(), key.out.desc()), attributes, engine};
#endif
  }

  dnnl::matmul matmul_;
  dnnl::memory a_, b_, out_;
};

void multiply_bf16(Operand const& a, Operand const& b, Update update, Product const& out) {
  // Of each thread, since their memories are pointed at operands.
  thread_local dnnl::engine const engine(dnnl::engine::kind::cpu, 0);
  thread_local dnnl::stream const stream(engine);
  thread_local std::map<CompiledProduct::Key, CompiledProduct> compiled;
  CompiledProduct::Key const key{a, b, out, update};
  auto found = compiled.find(key);
  if (found == compiled.end()) {
    found =
        compiled.emplace(std::piecewise_construct, std::tuple(key), std::forward_as_tuple(engine, key)).first;
  }
  found->second.run(stream, a.matrix.data, b.matrix.data, out.data);
}

void multiply(char const* label, Operand const& a, Operand const& b, Update update, Product const& out) {
  Region const region(label);
  if (a.rows() != out.rows || b.cols() != out.cols || a.cols() != b.rows()) {
    throw std::runtime_error(std::string(label) + ": the shapes of the matrices do not fit together");
  }
  bool const is_fp32 = a.matrix.number == Number::fp32;
  if (a.matrix.number != b.matrix.number || (is_fp32 && out.number != Number::fp32)) {
    throw std::runtime_error(std::string(label) + ": the numbers of the matrices do not fit together");
  }
  if (out.rows == 0 || out.cols == 0) return;
  product_operations += 2 * out.rows * out.cols * a.cols();
  bytes_moved += bytes_of(a.matrix) + bytes_of(b.matrix) + (update == Update::add ? 2 : 1) * bytes_of(out);
  try {
    is_fp32 ? multiply_fp32(a, b, update, out) : multiply_bf16(a, b, update, out);
  } catch (dnnl::error const& error) {
    throw std::runtime_error(std::string(label) + ": oneDNN returned status " + std::to_string(error.status));
  }
}

}  // namespace

void matmul_nt(Exec const&, Factor const& a, Factor const& b, Update update, Product const& out) {
  multiply("matmul_nt", {a, false}, {b, true}, update, out);
}

bool matmul_nt_bias(Exec const& exec, Factor const& a, Factor const& b, void const*, Product const& out) {
  matmul_nt(exec, a, b, Update::overwrite, out);
  return false;
}

void matmul_nn(Exec const&, Factor const& a, Factor const& b, Update update, Product const& out) {
  multiply("matmul_nn", {a, false}, {b, false}, update, out);
}

void matmul_tn(Exec const&, Factor const& a, Factor const& b, Update update, Product const& out) {
  multiply("matmul_tn", {a, true}, {b, false}, update, out);
}

}  // namespace atl::kernels
