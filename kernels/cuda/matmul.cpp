#include "kernels/cuda/matmul.hpp"

#include <cublasLt.h>

#include <algorithm>
#include <compare>
#include <cstdint>
#include <map>
#include <mutex>
#include <stdexcept>
#include <string>

namespace atl::kernels::cuda {
namespace {

constexpr std::uint64_t workspace_bytes = 32U << 20U;

void check(cublasStatus_t status, char const* call) {
  if (status == CUBLAS_STATUS_SUCCESS) return;
  throw std::runtime_error(std::string(call) + ": " + cublasLtGetStatusName(status) + " (" +
                           cublasLtGetStatusString(status) + ")");
}

void check(cudaError_t error, char const* call) {
  if (error == cudaSuccess) return;
  throw std::runtime_error(std::string(call) + ": " + cudaGetErrorName(error) + " (" +
                           cudaGetErrorString(error) + ")");
}

// "bf16 64 x 130, rows 144 apart"
std::string in_words(Matrix const& x) {
  return std::string(x.is_bf16 ? "bf16 " : "fp32 ") + std::to_string(x.rows) + " x " +
         std::to_string(x.cols) + ", rows " + std::to_string(x.stride) + " apart";
}

std::string in_words(Operand const& x) {
  return in_words(x.matrix) + (x.is_transposed ? ", transposed" : "");
}

// The largest power of two, at most 256, that divides an address.
std::uint32_t alignment_of(void const* data) {
  auto const address = reinterpret_cast<std::uintptr_t>(data);
  return static_cast<std::uint32_t>(std::min<std::uintptr_t>(256, address & (~address + 1)));
}

// All that an algorithm is chosen for.
struct Layout {
  Layout(Matrix const& x)
      : rows(x.rows), cols(x.cols), stride(x.stride), alignment(alignment_of(x.data)), is_bf16(x.is_bf16) {}
  auto operator<=>(Layout const&) const = default;

  std::size_t rows, cols, stride;
  std::uint32_t alignment;
  bool is_bf16;
};

struct Shape {
  Shape(Operand const& left, Operand const& right, bool also_adds, Matrix const& output, bool with_bias)
      : a(left.matrix),
        b(right.matrix),
        out(output),
        a_is_transposed(left.is_transposed),
        b_is_transposed(right.is_transposed),
        adds(also_adds),
        has_bias(with_bias) {}
  auto operator<=>(Shape const&) const = default;

  Layout a, b, out;
  bool a_is_transposed, b_is_transposed, adds, has_bias;
};

// Rows of any other address are no case for the library's kernels of bias.
constexpr std::uint32_t bias_alignment = 16;

// cuBLASLt's matrices are column-major: there a row-major matrix is its transpose. So the product is told as
// out^T = b^T a^T, the factors in the other order.
struct Plan {
  Plan(cublasLtHandle_t library, Shape const& shape) {
    check(cublasLtMatmulDescInit(&product, CUBLAS_COMPUTE_32F, CUDA_R_32F), "cublasLtMatmulDescInit");
    set_product(CUBLASLT_MATMUL_DESC_TRANSA, shape.b_is_transposed ? CUBLAS_OP_T : CUBLAS_OP_N);
    set_product(CUBLASLT_MATMUL_DESC_TRANSB, shape.a_is_transposed ? CUBLAS_OP_T : CUBLAS_OP_N);
    describe(shape.b, b);
    describe(shape.a, a);
    describe(shape.out, out);
    if (shape.has_bias) {
      set_product(CUBLASLT_MATMUL_DESC_EPILOGUE, CUBLASLT_EPILOGUE_BIAS);
      set_product(CUBLASLT_MATMUL_DESC_BIAS_DATA_TYPE, shape.out.is_bf16 ? CUDA_R_16BF : CUDA_R_32F);
      set_bias(reinterpret_cast<void const*>(std::uintptr_t{bias_alignment}));  // not read: an alignment
      adds_bias = choose_algorithm(library, shape);
    }
    if (!adds_bias) go_without_bias(library, shape);
  }

  void go_without_bias(cublasLtHandle_t library, Shape const& shape) {
    adds_bias = false;
    set_product(CUBLASLT_MATMUL_DESC_EPILOGUE, CUBLASLT_EPILOGUE_DEFAULT);
    if (!choose_algorithm(library, shape))
      throw std::runtime_error("cublasLtMatmulAlgoGetHeuristic: no algorithm");
  }

  void set_bias(void const* bias) { set_product(CUBLASLT_MATMUL_DESC_BIAS_POINTER, bias); }

  cublasLtMatmulDescOpaque_t product{};
  cublasLtMatrixLayoutOpaque_t a{}, b{}, out{};
  cublasLtMatmulAlgo_t algorithm{};
  bool adds_bias = false;  // else the caller does

 private:
  template <class Value>
  void set_product(cublasLtMatmulDescAttributes_t attribute, Value value) {
    check(cublasLtMatmulDescSetAttribute(&product, attribute, &value, sizeof value),
          "cublasLtMatmulDescSetAttribute");
  }

  static void describe(Layout const& x, cublasLtMatrixLayoutOpaque_t& layout) {
    check(cublasLtMatrixLayoutInit(&layout, x.is_bf16 ? CUDA_R_16BF : CUDA_R_32F, x.cols, x.rows,
                                   static_cast<std::int64_t>(x.stride)),
          "cublasLtMatrixLayoutInit");
  }

  // False where there is none.
  bool choose_algorithm(cublasLtHandle_t library, Shape const& shape) {
    cublasLtMatmulPreferenceOpaque_t wishes{};
    check(cublasLtMatmulPreferenceInit(&wishes), "cublasLtMatmulPreferenceInit");
    auto const wish = [&](cublasLtMatmulPreferenceAttributes_t attribute, auto value) {
      check(cublasLtMatmulPreferenceSetAttribute(&wishes, attribute, &value, sizeof value),
            "cublasLtMatmulPreferenceSetAttribute");
    };
    wish(CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES, workspace_bytes);
    // Besides sums that are not split. The other schemes round parts to the output's type, and of the one in
    // place the order is not promised.
    wish(CUBLASLT_MATMUL_PREF_REDUCTION_SCHEME_MASK, std::uint32_t{CUBLASLT_REDUCTION_SCHEME_COMPUTE_TYPE});
    wish(CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_A_BYTES, shape.b.alignment);
    wish(CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_B_BYTES, shape.a.alignment);
    wish(CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_C_BYTES, shape.out.alignment);
    wish(CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_D_BYTES, shape.out.alignment);
    cublasLtMatmulHeuristicResult_t best{};
    int found = 0;
    auto const status =
        cublasLtMatmulAlgoGetHeuristic(library, &product, &b, &a, &out, &out, &wishes, 1, &best, &found);
    if (status == CUBLAS_STATUS_NOT_SUPPORTED || status == CUBLAS_STATUS_INVALID_VALUE) return false;
    check(status, "cublasLtMatmulAlgoGetHeuristic");
    if (found == 0 || best.state != CUBLAS_STATUS_SUCCESS) return false;
    algorithm = best.algo;
    return true;
  }
};

class Library {
 public:
  Library() { check(cublasLtCreate(&handle_), "cublasLtCreate"); }

  bool multiply(cudaStream_t stream, Operand const& a, Operand const& b, bool adds, Matrix const& out,
                void const* bias) {
    std::scoped_lock const one_at_a_time(mutex_);
    Shape const shape(a, b, adds, out, bias != nullptr && alignment_of(bias) >= bias_alignment);
    Plan& plan = plans_.try_emplace(shape, handle_, shape).first->second;
    if (plan.adds_bias) plan.set_bias(bias);
    auto const run = [&] {
      float const alpha = 1.0F, beta = adds ? 1.0F : 0.0F;  // with 0 the output is not read
      return cublasLtMatmul(handle_, &plan.product, &alpha, b.matrix.data, &plan.b, a.matrix.data, &plan.a,
                            &beta, out.data, &plan.out, out.data, &plan.out, &plan.algorithm,
                            workspace_of(stream), workspace_bytes, stream);
    };
    auto status = run();
    bool const is_refused = status == CUBLAS_STATUS_NOT_SUPPORTED || status == CUBLAS_STATUS_INVALID_VALUE;
    if (is_refused && plan.adds_bias) {  // whatever the library had said
      plan.go_without_bias(handle_, shape);
      status = run();
    }
    check(status, "cublasLtMatmul");
    return plan.adds_bias;
  }

 private:
  // Products on one stream come one after the other, so they share theirs.
  void* workspace_of(cudaStream_t stream) {
    void*& workspace = workspaces_[stream];
    if (workspace == nullptr) check(cudaMalloc(&workspace, workspace_bytes), "cudaMalloc");
    return workspace;
  }

  std::mutex mutex_;
  cublasLtHandle_t handle_ = nullptr;
  std::map<Shape, Plan> plans_;
  std::map<cudaStream_t, void*> workspaces_;
};

// Never destroyed: when statics die, CUDA may be gone.
Library& library() {
  static auto* const one = new Library;
  return *one;
}

}  // namespace

bool multiply(cudaStream_t stream, Operand const& a, Operand const& b, bool adds, Matrix const& out,
              void const* bias) {
  if (out.rows == 0 || out.cols == 0) return false;
  try {
    if (a.cols() > 0) return library().multiply(stream, a, b, adds, out, bias);
    if (!adds) {  // a sum of nothing
      std::size_t const size = out.is_bf16 ? 2 : 4;
      check(cudaMemset2DAsync(out.data, out.stride * size, 0, out.cols * size, out.rows, stream),
            "cudaMemset2DAsync");
    }
    return false;
  } catch (std::runtime_error const& error) {
    throw std::runtime_error("product of (" + in_words(a) + ") and (" + in_words(b) + ") to (" +
                             in_words(out) + "): " + error.what());
  }
}

}  // namespace atl::kernels::cuda
