// Time of every kernel at the size of the quickstart's model, one line each: the fastest of many runs.
// GPT-2's own kernels are no part of its step.
//
//   cmake --preset ci -DATOLL_BENCH=ON && cmake --build build/ci --target bench_kernels
//   OMP_NUM_THREADS=1 build/ci/tests/kernels/bench_kernels [seconds per kernel]
#include <Kokkos_Core.hpp>
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <limits>
#include <string>
#include <vector>

#include "kernels/attention.hpp"
#include "kernels/bias.hpp"
#include "kernels/buffer.hpp"
#include "kernels/cross_entropy.hpp"
#include "kernels/elementwise.hpp"
#include "kernels/embedding.hpp"
#include "kernels/gelu.hpp"
#include "kernels/layernorm.hpp"
#include "kernels/matmul.hpp"
#include "kernels/optimizer.hpp"
#include "kernels/reduce.hpp"
#include "kernels/rmsnorm.hpp"
#include "kernels/rope.hpp"
#include "kernels/swiglu.hpp"

namespace atl::kernels {
namespace {

constexpr std::size_t B = 8, T = 256, N = B * T, C = 256, H = 4, D = 64, F = 768, V = 2048, L = 4;
constexpr std::size_t parameters = V * C + L * (4 * C * C + 3 * C * F + 2 * C) + C;

// Owns every operand of the bench; fills it with small numbers of both signs.
class Pool {
 public:
  Tensor1<float> vector(std::size_t size) {
    buffers_.push_back(make_float_buffer("bench", size));
    FloatBuffer const& buffer = buffers_.back();
    for (std::size_t i = 0; i < size; ++i) buffer(i) = static_cast<float>((i * 7919) % 1013) / 1013.0F - 0.4F;
    return buffer;
  }
  Tensor2<float> matrix(std::size_t row_count, std::size_t col_count) {
    return Tensor2<float>(vector(row_count * col_count).data(), row_count, col_count);
  }

 private:
  std::vector<FloatBuffer> buffers_;
};

class Bench {
 public:
  explicit Bench(double seconds) : seconds_(seconds) {
    std::printf("%-34s %10s %12s %12s   %s\n", "kernel", "us", "", "in a step", "% of a step");
  }

  // `work`: floating-point operations or bytes of one call; `calls`: how often a training step makes it.
  void measure(std::string const& name, double work, char const* unit, double calls,
               std::function<void()> const& body) {
    using clock = std::chrono::steady_clock;
    double best_s = std::numeric_limits<double>::infinity();
    auto const start = clock::now();
    for (int run = 0; run < 3 || std::chrono::duration<double>(clock::now() - start).count() < seconds_;
         ++run) {
      auto const begin = clock::now();
      body();
      best_s = std::min(best_s, std::chrono::duration<double>(clock::now() - begin).count());
    }
    lines_.push_back({name, unit, best_s, work / best_s * 1e-9, calls * best_s});
  }

  void print() const {
    double total_s = 0.0;
    for (Line const& line : lines_) total_s += line.step_s;
    for (Line const& line : lines_) {
      std::printf("%-34s %10.1f %7.1f %-4s %9.2f ms %8.1f\n", line.name.c_str(), line.best_s * 1e6, line.rate,
                  line.unit, line.step_s * 1e3, 100.0 * line.step_s / total_s);
    }
    std::printf("a step of %zu rows: %.1f ms, %.0f tokens/s\n", N, total_s * 1e3,
                static_cast<double>(N) / total_s);
  }

 private:
  struct Line {
    std::string name;
    char const* unit;
    double best_s, rate, step_s;
  };
  double seconds_;
  std::vector<Line> lines_;
};

void bench_matmul(Bench& bench, Pool& pool, std::string const& layer, std::size_t inputs, std::size_t outputs,
                  double calls) {
  Exec const exec;
  auto const x = pool.matrix(N, inputs), w = pool.matrix(outputs, inputs), y = pool.matrix(N, outputs);
  double const work = 2.0 * static_cast<double>(N * inputs * outputs);
  bench.measure(layer + " Y = X W^T", work, "GF/s", calls,
                [=] { matmul_nt(exec, x, w, Update::overwrite, y); });
  bench.measure(layer + " dX = dY W", work, "GF/s", calls,
                [=] { matmul_nn(exec, y, w, Update::overwrite, x); });
  bench.measure(layer + " dW += dY^T X", work, "GF/s", calls, [=] { matmul_tn(exec, y, x, Update::add, w); });
}

void bench_attention(Bench& bench, Pool& pool) {
  Exec const exec;
  AttentionShape const shape{.batch = B, .context = T, .heads = H, .kv_heads = H, .head_dim = D};
  auto const qkv = pool.matrix(N, shape.qkv_width()), dqkv = pool.matrix(N, shape.qkv_width());
  auto const out = pool.matrix(N, H * D), dout = pool.matrix(N, H * D);
  Tensor3<float> const lse(pool.vector(B * H * T).data(), B, H, T);
  auto const workspace = pool.vector(attention_workspace_size<float>(shape));
  double const product = 2.0 * B * H * D * T * (T + 1) / 2.0;  // the causal half
  bench.measure("attention forward", 2 * product, "GF/s", L,
                [=] { attention_forward(exec, qkv, shape, workspace, out, lse); });
  bench.measure("attention backward", 5 * product, "GF/s", L,
                [=] { attention_backward(exec, dout, qkv, out, lse, shape, workspace, dqkv); });
  auto const cosine = pool.matrix(T, D / 2), sine = pool.matrix(T, D / 2);
  rope_tables(exec, 10000.0, cosine, sine);
  auto const rotated = columns(qkv, 0, 2 * H * D);
  bench.measure("rope", 2.0 * 4 * N * 2 * H * D, "GB/s", 2 * L,
                [=] { rope_forward(exec, cosine, sine, T, rotated); });
}

void bench_rows(Bench& bench, Pool& pool) {
  Exec const exec;
  auto const x = pool.matrix(N, C), branch = pool.matrix(N, C), y = pool.matrix(N, C);
  auto const weight = pool.vector(C), dweight = pool.vector(C), inv_rms = pool.vector(N);
  double const row_bytes = 4.0 * N * C;
  bench.measure("residual + rmsnorm forward", 4 * row_bytes, "GB/s", 2 * L + 1,
                [=] { residual_rmsnorm_forward(exec, x, branch, weight, 1e-5F, x, y, inv_rms); });
  rmsnorm_forward(exec, x, weight, 1e-5F, y, inv_rms);
  bench.measure("rmsnorm backward", 6 * row_bytes, "GB/s", 2 * L + 1,
                [=] { rmsnorm_backward(exec, y, x, weight, inv_rms, Update::add, branch, dweight); });
  auto const bias = pool.vector(C), dbias = pool.vector(C), mean = pool.vector(N);
  bench.measure("residual + layernorm forward", 4 * row_bytes, "GB/s", 0, [=] {
    residual_layernorm_forward(exec, x, branch, weight, bias, 1e-5F, x, y, mean, inv_rms);
  });
  layernorm_forward(exec, x, weight, bias, 1e-5F, y, mean, inv_rms);
  bench.measure("layernorm backward", 6 * row_bytes, "GB/s", 0, [=] {
    layernorm_backward(exec, y, x, weight, mean, inv_rms, Update::add, branch, dweight, dbias);
  });
  Tensor2<float> const bias_row(bias.data(), 1, C), dbias_row(dbias.data(), 1, C);
  bench.measure("bias forward", 2 * row_bytes, "GB/s", 0, [=] { bias_forward(exec, bias_row, y); });
  bench.measure("bias backward", row_bytes, "GB/s", 0, [=] { bias_backward(exec, y, dbias_row); });
  auto const gate_up = pool.matrix(N, 2 * F), dgate_up = pool.matrix(N, 2 * F), h = pool.matrix(N, F);
  bench.measure("swiglu forward", 3 * 4.0 * N * F, "GB/s", L, [=] { swiglu_forward(exec, gate_up, h); });
  bench.measure("swiglu backward", 6 * 4.0 * N * F, "GB/s", L,
                [=] { swiglu_backward(exec, h, gate_up, dgate_up, h); });
  auto const up = columns(gate_up, 0, F), dup = columns(dgate_up, 0, F);
  bench.measure("gelu forward", 2 * 4.0 * N * F, "GB/s", 0, [=] { gelu_forward(exec, up, h); });
  bench.measure("gelu backward", 4 * 4.0 * N * F, "GB/s", 0, [=] { gelu_backward(exec, h, up, dup, h); });

  constexpr std::size_t chunk = 256;
  auto const logits = pool.matrix(chunk, V);
  auto const loss = pool.vector(chunk);
  std::vector<std::int32_t> ids(N);
  for (std::size_t n = 0; n < N; ++n) ids[n] = static_cast<std::int32_t>(n * 769 % V);
  Tensor1<std::int32_t const> const tokens(ids.data(), N);
  bench.measure("cross entropy, 256 rows", 2 * 4.0 * chunk * V, "GB/s", N / chunk, [=] {
    cross_entropy_forward_backward(exec, range(tokens, 0, chunk), 1e-3F, logits, logits, loss);
  });
  auto const table = pool.matrix(V, C);
  bench.measure("embedding forward", 2 * row_bytes, "GB/s", 1,
                [=] { embedding_forward(exec, tokens, table, x); });
  bench.measure("embedding backward", 3 * row_bytes, "GB/s", 1,
                [=] { embedding_backward(exec, tokens, x, table); });
}

void bench_flat(Bench& bench, Pool& pool) {
  Exec const exec;
  auto const grad = pool.vector(parameters), param = pool.vector(parameters);
  auto const m = pool.vector(parameters), v = pool.vector(parameters);
  fill(exec, 1e-3F, v);
  AdamwStep const step{.lr = 1e-5, .weight_decay = 0.1};
  double const bytes = 4.0 * parameters;
  bench.measure("adamw", 7 * bytes, "GB/s", 1, [=] { adamw_update(exec, grad, step, param, m, v); });
  bench.measure("sum of squares", bytes, "GB/s", 1, [=] {
    double squares = 0.0;
    sum_of_squares(exec, grad, Scalar<double>(&squares));
  });
  bench.measure("count non-finite", bytes, "GB/s", 0, [=] {
    std::int64_t count = 0;
    count_non_finite(exec, grad, Scalar<std::int64_t>(&count));
  });
  bench.measure("fill (zero the gradient)", bytes, "GB/s", 1, [=] { fill(exec, 0.0F, grad); });
  bench.measure("add", 3 * bytes, "GB/s", 0, [=] { add(exec, grad, param); });
  bench.measure("scale", 2 * bytes, "GB/s", 0, [=] { scale(exec, 0.999F, param); });
}

}  // namespace
}  // namespace atl::kernels

int main(int argc, char** argv) {
  using namespace atl::kernels;
  Kokkos::ScopeGuard const kokkos(argc, argv);
  Pool pool;
  Bench bench(argc > 1 ? std::atof(argv[1]) : 0.3);
  bench_matmul(bench, pool, "qkv", C, 3 * H * D, L);
  bench_matmul(bench, pool, "projection", H * D, C, L);
  bench_matmul(bench, pool, "gate|up", C, 2 * F, L);
  bench_matmul(bench, pool, "down", F, C, L);
  bench_matmul(bench, pool, "head", C, V, 1);
  bench_attention(bench, pool);
  bench_rows(bench, pool);
  bench_flat(bench, pool);
  bench.print();
}
