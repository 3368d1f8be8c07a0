#include "kernels/attention.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "kernels/loops.hpp"
#include "kernels/math.hpp"
#include "kernels/matmul.hpp"
#include "kernels/region.hpp"

namespace atl::kernels {
namespace {

// A block of scores is query_block x key_block floats, 64 KiB: it stays in the second-level cache between the
// product that makes it, the softmax and the products that use it. Measured best of 32 ... 128 x 64 ... 256.
constexpr std::size_t query_block = 64;
constexpr std::size_t key_block = 256;
static_assert(key_block % query_block == 0,
              "the first key of a block must be visible to every query below it");

// The columns of one query head and of the key/value head it reads, in the rows of one sequence.
template <class T>
struct Head {
  Tensor2<T> query, key, value;
};

template <class T>
Head<T> head_of(Tensor2<T> const& qkv, AttentionShape const& shape, std::size_t b, std::size_t h) {
  Tensor2<T> const sequence = rows(qkv, b * shape.context, shape.context);
  std::size_t const kv_head = h / (shape.heads / shape.kv_heads);
  auto const head = [&](std::size_t index) {
    return columns(sequence, index * shape.head_dim, shape.head_dim);
  };
  return {head(h), head(shape.heads + kv_head), head(shape.heads + shape.kv_heads + kv_head)};
}

// The rows of one sequence and the columns of one head.
template <class T>
Tensor2<T> head_columns(Tensor2<T> const& x, AttentionShape const& shape, std::size_t b, std::size_t h) {
  return columns(rows(x, b * shape.context, shape.context), h * shape.head_dim, shape.head_dim);
}

// The log-sum-exps of one head of one sequence.
template <class T>
Tensor1<T> lse_of(Tensor3<T> const& lse, AttentionShape const& shape, std::size_t b, std::size_t h) {
  return Tensor1<T>(lse.data() + (b * shape.heads + h) * shape.context, shape.context);
}

// Queries [query, query + queries) against keys [key, key + keys).
struct Block {
  std::size_t query = 0, queries = 0;
  std::size_t key = 0, keys = 0;
};

// Scores that causality forbids become -inf, whose exp is 0. The loops after it then run over whole rows,
// whose length is a multiple of the vector width: cheaper than stopping at the diagonal.
KOKKOS_INLINE_FUNCTION void hide_later_keys(Block const& block, std::size_t r, float* row) {
#pragma omp simd
  for (std::size_t k = block.query + r + 1 - block.key; k < block.keys; ++k) {
    row[k] = -std::numeric_limits<float>::infinity();
  }
}

// Calls body for the blocks of one row of blocks, up to the diagonal.
template <class Body>
void for_key_blocks(std::size_t query, std::size_t queries, Body const& body) {
  std::size_t const end = query + queries;
  for (std::size_t key = 0; key < end; key += key_block) {
    body(Block{query, queries, key, std::min(key_block, end - key)});
  }
}

// The caller's workspace, dealt out: two blocks of scores and two numbers for each query of a block.
struct Workspace {
  Workspace(AttentionShape const& shape, Tensor1<float> const& memory)
      : block_size(std::min(query_block, shape.context) * std::min(key_block, shape.context)),
        first(memory.data()),
        second(first + block_size),
        maxima(second + block_size, query_block),
        sums(second + block_size + query_block, query_block) {}

  Tensor2<float> scores(Block const& block) const { return Tensor2<float>(first, block.queries, block.keys); }
  Tensor2<float> dscores(Block const& block) const {
    return Tensor2<float>(second, block.queries, block.keys);
  }

  std::size_t block_size;
  float* first;
  float* second;
  Tensor1<float> maxima, sums;
};

float score_scale(AttentionShape const& shape) {
  return 1.0F / std::sqrt(static_cast<float>(shape.head_dim));
}

// Online softmax: turns a block of scores into exp(scale * score - maximum) with the maximum of all keys so
// far, and brings what earlier keys left in sums and out to that maximum.
void softmax_block(Exec const& exec, Block const& block, float scale, Tensor2<float> const& scores,
                   Tensor1<float> const& maxima, Tensor1<float> const& sums, Tensor2<float> const& out) {
  std::size_t const head_dim = out.extent(1);
  for_rows(
      exec, "attention_softmax", block.queries, KOKKOS_LAMBDA(std::size_t r) {
        float* const row = &scores(r, 0);
        hide_later_keys(block, r, row);
        float highest = -std::numeric_limits<float>::infinity();
#pragma omp simd reduction(max : highest)
        for (std::size_t k = 0; k < block.keys; ++k) highest = row[k] > highest ? row[k] : highest;
        bool const is_first = block.key == 0;
        float const before = maxima(r);
        float const maximum = is_first || scale * highest > before ? scale * highest : before;
        float sum = 0.0F;
#pragma omp simd reduction(+ : sum)
        for (std::size_t k = 0; k < block.keys; ++k) {
          row[k] = fast_exp(scale * row[k] - maximum);
          sum += row[k];
        }
        maxima(r) = maximum;
        if (is_first) {
          sums(r) = sum;
          return;
        }
        float const shrink = fast_exp(before - maximum);
        sums(r) = sums(r) * shrink + sum;
        float* const out_row = &out(r, 0);
#pragma omp simd
        for (std::size_t d = 0; d < head_dim; ++d) out_row[d] *= shrink;
      });
}

void finish_rows(Exec const& exec, Tensor1<float> const& maxima, Tensor1<float> const& sums,
                 Tensor2<float> const& out, Tensor1<float> const& lse) {
  std::size_t const head_dim = out.extent(1);
  for_rows(
      exec, "attention_finish", out.extent(0), KOKKOS_LAMBDA(std::size_t r) {
        float const inv_sum = 1.0F / sums(r);
        float* const out_row = &out(r, 0);
#pragma omp simd
        for (std::size_t d = 0; d < head_dim; ++d) out_row[d] *= inv_sum;
        lse(r) = maxima(r) + std::log(sums(r));
      });
}

// delta[r] = sum_d dout[r,d] out[r,d], which is sum_k P[r,k] dP[r,k].
void row_products(Exec const& exec, Tensor2<float const> const& dout, Tensor2<float const> const& out,
                  Tensor1<float> const& delta) {
  std::size_t const head_dim = out.extent(1);
  for_rows(
      exec, "attention_delta", out.extent(0), KOKKOS_LAMBDA(std::size_t r) {
        float const* const dout_row = &dout(r, 0);
        float const* const out_row = &out(r, 0);
        float sum = 0.0F;
#pragma omp simd reduction(+ : sum)
        for (std::size_t d = 0; d < head_dim; ++d) sum += dout_row[d] * out_row[d];
        delta(r) = sum;
      });
}

// scores -> P = exp(scale * score - lse);  dscores: dP -> dS = scale P (dP - delta)
void softmax_block_backward(Exec const& exec, Block const& block, float scale,
                            Tensor1<float const> const& lse, Tensor1<float const> const& delta,
                            Tensor2<float> const& scores, Tensor2<float> const& dscores) {
  for_rows(
      exec, "attention_softmax_backward", block.queries, KOKKOS_LAMBDA(std::size_t r) {
        float* const row = &scores(r, 0);
        float* const drow = &dscores(r, 0);
        hide_later_keys(block, r, row);
        float const row_lse = lse(r);
        float const row_delta = delta(r);
#pragma omp simd
        for (std::size_t k = 0; k < block.keys; ++k) {
          float const p = fast_exp(scale * row[k] - row_lse);
          row[k] = p;
          drow[k] = scale * p * (drow[k] - row_delta);
        }
      });
}

void head_forward(Exec const& exec, Head<float const> const& head, float scale, Workspace const& workspace,
                  Tensor2<float> const& out, Tensor1<float> const& lse) {
  std::size_t const context = out.extent(0);
  for (std::size_t query = 0; query < context; query += query_block) {
    std::size_t const queries = std::min(query_block, context - query);
    Tensor2<float> const out_rows = rows(out, query, queries);
    for_key_blocks(query, queries, [&](Block const& block) {
      Tensor2<float> const scores = workspace.scores(block);
      matmul_nt(exec, rows(head.query, query, queries), rows(head.key, block.key, block.keys),
                Update::overwrite, scores);
      softmax_block(exec, block, scale, scores, workspace.maxima, workspace.sums, out_rows);
      matmul_nn(exec, scores, rows(head.value, block.key, block.keys),
                block.key == 0 ? Update::overwrite : Update::add, out_rows);
    });
    finish_rows(exec, workspace.maxima, workspace.sums, out_rows, range(lse, query, queries));
  }
}

// `kv_update`: overwrite for the first query head of a key/value head, whose last queries see every key and
// so write all of dkey and dvalue; the blocks of queries therefore run from the last to the first.
void head_backward(Exec const& exec, Tensor2<float const> const& dout, Head<float const> const& head,
                   Tensor2<float const> const& out, Tensor1<float const> const& lse, float scale,
                   Workspace const& workspace, Update kv_update, Head<float> const& dhead) {
  std::size_t const context = out.extent(0);
  std::size_t const last = (context - 1) / query_block * query_block;
  for (std::size_t query = last + query_block; query > 0;) {
    query -= query_block;
    std::size_t const queries = std::min(query_block, context - query);
    Tensor2<float const> const query_rows = rows(head.query, query, queries);
    Tensor2<float const> const dout_rows = rows(dout, query, queries);
    Tensor1<float> const delta = range(workspace.sums, 0, queries);
    row_products(exec, dout_rows, rows(out, query, queries), delta);
    Update const into_kv = query == last ? kv_update : Update::add;
    for_key_blocks(query, queries, [&](Block const& block) {
      Tensor2<float> const scores = workspace.scores(block);
      Tensor2<float> const dscores = workspace.dscores(block);
      Tensor2<float const> const keys = rows(head.key, block.key, block.keys);
      matmul_nt(exec, query_rows, keys, Update::overwrite, scores);
      matmul_nt(exec, dout_rows, rows(head.value, block.key, block.keys), Update::overwrite, dscores);
      softmax_block_backward(exec, block, scale, range(lse, query, queries), delta, scores, dscores);
      matmul_tn(exec, scores, dout_rows, into_kv, rows(dhead.value, block.key, block.keys));
      matmul_tn(exec, dscores, query_rows, into_kv, rows(dhead.key, block.key, block.keys));
      matmul_nn(exec, dscores, keys, block.key == 0 ? Update::overwrite : Update::add,
                rows(dhead.query, query, queries));
    });
  }
}

}  // namespace

std::size_t attention_workspace_size(AttentionShape const& shape) {
  return 2 * std::min(query_block, shape.context) * std::min(key_block, shape.context) + 2 * query_block;
}

void attention_forward(Exec const& exec, Tensor2<float const> qkv, AttentionShape const& shape,
                       Tensor1<float> workspace, Tensor2<float> out, Tensor3<float> lse) {
  Region const region("attention_forward");
  Workspace const blocks(shape, workspace);
  for (std::size_t b = 0; b < shape.batch; ++b) {
    for (std::size_t h = 0; h < shape.heads; ++h) {
      head_forward(exec, head_of(qkv, shape, b, h), score_scale(shape), blocks,
                   head_columns(out, shape, b, h), lse_of(lse, shape, b, h));
    }
  }
}

void attention_backward(Exec const& exec, Tensor2<float const> dout, Tensor2<float const> qkv,
                        Tensor2<float const> out, Tensor3<float const> lse, AttentionShape const& shape,
                        Tensor1<float> workspace, Tensor2<float> dqkv) {
  Region const region("attention_backward");
  Workspace const blocks(shape, workspace);
  std::size_t const group = shape.heads / shape.kv_heads;
  for (std::size_t b = 0; b < shape.batch; ++b) {
    for (std::size_t h = 0; h < shape.heads; ++h) {
      head_backward(exec, head_columns(dout, shape, b, h), head_of(qkv, shape, b, h),
                    head_columns(out, shape, b, h), lse_of(lse, shape, b, h), score_scale(shape), blocks,
                    h % group == 0 ? Update::overwrite : Update::add, head_of(dqkv, shape, b, h));
    }
  }
}

}  // namespace atl::kernels
