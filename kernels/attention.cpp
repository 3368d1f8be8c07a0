#include "kernels/attention.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "kernels/attention_blocks.hpp"
#include "kernels/loops.hpp"
#include "kernels/math.hpp"
#include "kernels/region.hpp"

namespace atl::kernels {
namespace {

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

// Sums to where they belong; nothing where they are there.
void settle(Exec const&, Tensor2<float> const&, Tensor2<float> const&) {}
void settle(Exec const& exec, Tensor2<float> const& sums, Tensor2<Bf16> const& out) {
  std::size_t const width = out.extent(1);
  for_rows(
      exec, "attention_settle", out.extent(0), KOKKOS_LAMBDA(std::size_t r) {
        float const* const from = &sums(r, 0);
        Bf16* const to = &out(r, 0);
#pragma omp simd
        for (std::size_t d = 0; d < width; ++d) to[d] = from[d];
      });
}

float score_scale(AttentionShape const& shape) {
  return 1.0F / std::sqrt(static_cast<float>(shape.head_dim));
}

// Online softmax: turns a block of scores into exp(scale * score - maximum) with the maximum of all keys so
// far, and brings what earlier keys left in sums and out to that maximum.
template <class Real>
void softmax_block(Exec const& exec, Block const& block, float scale, Tensor2<float> const& scores,
                   Tensor2<Real> const& probabilities, Tensor1<float> const& maxima,
                   Tensor1<float> const& sums, Tensor2<float> const& out) {
  std::size_t const head_dim = out.extent(1);
  for_rows(
      exec, "attention_softmax", block.queries, KOKKOS_LAMBDA(std::size_t r) {
        float* const row = &scores(r, 0);
        hide_later_keys(block, r, row);
        float highest = -std::numeric_limits<float>::infinity();
#pragma omp simd reduction(max : highest)
        for (std::size_t k = 0; k < block.keys; ++k) highest = row[k] > highest ? row[k] : highest;
        bool const is_first = block.key == 0;
        Real* const p_row = &probabilities(r, 0);
        float const before = maxima(r);
        float const maximum = is_first || scale * highest > before ? scale * highest : before;
        float sum = 0.0F;
#pragma omp simd reduction(+ : sum)
        for (std::size_t k = 0; k < block.keys; ++k) {
          float const p = fast_exp(scale * row[k] - maximum);
          p_row[k] = p;
          sum += p;
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

template <class Real>
void finish_rows(Exec const& exec, Tensor1<float> const& maxima, Tensor1<float> const& sums,
                 Tensor2<float> const& values, Tensor2<Real> const& out, Tensor1<float> const& lse) {
  std::size_t const head_dim = out.extent(1);
  for_rows(
      exec, "attention_finish", out.extent(0), KOKKOS_LAMBDA(std::size_t r) {
        float const inv_sum = 1.0F / sums(r);
        float const* const value_row = &values(r, 0);
        Real* const out_row = &out(r, 0);
#pragma omp simd
        for (std::size_t d = 0; d < head_dim; ++d) out_row[d] = value_row[d] * inv_sum;
        lse(r) = maxima(r) + std::log(sums(r));
      });
}

// delta[r] = sum_d dout[r,d] out[r,d], which is sum_k P[r,k] dP[r,k].
template <class Real>
void row_products(Exec const& exec, Tensor2<Real const> const& dout, Tensor2<Real const> const& out,
                  Tensor1<float> const& delta) {
  std::size_t const head_dim = out.extent(1);
  for_rows(
      exec, "attention_delta", out.extent(0), KOKKOS_LAMBDA(std::size_t r) {
        Real const* const dout_row = &dout(r, 0);
        Real const* const out_row = &out(r, 0);
        float sum = 0.0F;
#pragma omp simd reduction(+ : sum)
        for (std::size_t d = 0; d < head_dim; ++d)
          sum += static_cast<float>(dout_row[d]) * static_cast<float>(out_row[d]);
        delta(r) = sum;
      });
}

// scores -> P = exp(scale * score - lse);  dscores: dP -> dS = scale P (dP - delta)
template <class Real>
void softmax_block_backward(Exec const& exec, Block const& block, float scale,
                            Tensor1<float const> const& lse, Tensor1<float const> const& delta,
                            Workspace<Real> const& workspace) {
  auto const scores = workspace.scores(block), dscores = workspace.dscores(block);
  auto const probabilities = workspace.probabilities(block), gradients = workspace.score_gradients(block);
  for_rows(
      exec, "attention_softmax_backward", block.queries, KOKKOS_LAMBDA(std::size_t r) {
        float* const row = &scores(r, 0);
        float const* const drow = &dscores(r, 0);
        Real* const p_row = &probabilities(r, 0);
        Real* const ds_row = &gradients(r, 0);
        hide_later_keys(block, r, row);
        float const row_lse = lse(r);
        float const row_delta = delta(r);
#pragma omp simd
        for (std::size_t k = 0; k < block.keys; ++k) {
          float const p = fast_exp(scale * row[k] - row_lse);
          p_row[k] = p;
          ds_row[k] = scale * p * (drow[k] - row_delta);
        }
      });
}

template <class Real>
void head_forward(Exec const& exec, Head<Real const> const& head, float scale,
                  Workspace<Real> const& workspace, Tensor2<Real> const& out, Tensor1<float> const& lse) {
  std::size_t const context = out.extent(0);
  auto const keys = Products<Real>::prepare(exec, head.key, workspace.transposed_keys);
  for (std::size_t query = 0; query < context; query += query_block) {
    std::size_t const queries = std::min(query_block, context - query);
    Tensor2<Real> const out_rows = rows(out, query, queries);
    Tensor2<float> const values = workspace.query_sums(out_rows);
    for_key_blocks(query, queries, [&](Block const& block) {
      Tensor2<float> const scores = workspace.scores(block);
      Tensor2<Real> const probabilities = workspace.probabilities(block);
      Products<Real>::against(exec, rows(head.query, query, queries), keys, block, scores);
      softmax_block(exec, block, scale, scores, probabilities, workspace.maxima, workspace.sums, values);
      Products<Real>::nn(exec, probabilities, rows(head.value, block.key, block.keys),
                         block.key == 0 ? Update::overwrite : Update::add, values);
    });
    finish_rows(exec, workspace.maxima, workspace.sums, values, out_rows, range(lse, query, queries));
  }
}

// `kv_update`: overwrite for the first query head of a key/value head, whose last queries see every key and
// so write all of dkey and dvalue; the blocks of queries therefore run from the last to the first.
template <class Real>
void head_backward(Exec const& exec, Tensor2<Real const> const& dout, Head<Real const> const& head,
                   Tensor2<Real const> const& out, Tensor1<float const> const& lse, float scale,
                   Workspace<Real> const& workspace, Update kv_update, Head<Real> const& dhead) {
  std::size_t const context = out.extent(0);
  Tensor2<float> const dkey = workspace.key_sums(dhead.key), dvalue = workspace.value_sums(dhead.value);
  auto const all_keys = Products<Real>::prepare(exec, head.key, workspace.transposed_keys);
  auto const all_values = Products<Real>::prepare(exec, head.value, workspace.transposed_values);
  std::size_t const last = (context - 1) / query_block * query_block;
  for (std::size_t query = last + query_block; query > 0;) {
    query -= query_block;
    std::size_t const queries = std::min(query_block, context - query);
    Tensor2<Real const> const query_rows = rows(head.query, query, queries);
    Tensor2<Real const> const dout_rows = rows(dout, query, queries);
    Tensor2<Real> const dquery_rows = rows(dhead.query, query, queries);
    Tensor2<float> const dquery = workspace.query_sums(dquery_rows);
    Tensor1<float> const delta = range(workspace.sums, 0, queries);
    row_products<Real>(exec, dout_rows, rows(out, query, queries), delta);
    Update const into_kv = query == last ? kv_update : Update::add;
    for_key_blocks(query, queries, [&](Block const& block) {
      Tensor2<Real> const probabilities = workspace.probabilities(block);
      Tensor2<Real> const score_gradients = workspace.score_gradients(block);
      Tensor2<Real const> const keys = rows(head.key, block.key, block.keys);
      Products<Real>::against(exec, query_rows, all_keys, block, workspace.scores(block));
      Products<Real>::against(exec, dout_rows, all_values, block, workspace.dscores(block));
      softmax_block_backward<Real>(exec, block, scale, range(lse, query, queries), delta, workspace);
      Products<Real>::tn(exec, probabilities, dout_rows, into_kv, rows(dvalue, block.key, block.keys));
      Products<Real>::tn(exec, score_gradients, query_rows, into_kv, rows(dkey, block.key, block.keys));
      Products<Real>::nn(exec, score_gradients, keys, block.key == 0 ? Update::overwrite : Update::add,
                         dquery);
    });
    settle(exec, dquery, dquery_rows);
  }
}

template <class Real>
Workspace<Real> workspace_of(std::size_t sharer, AttentionShape const& shape, Tensor1<float> const& all) {
  return Workspace<Real>(shape, all.data() + sharer * Workspace<Real>(shape, nullptr).size());
}

}  // namespace

template <class Real>
std::size_t attention_workspace_size(AttentionShape const& shape) {
  return sharers() * Workspace<Real>(shape, nullptr).size();
}

template <class Real>
void attention_forward(Exec const& exec, Input2<Real> qkv, AttentionShape const& shape,
                       Tensor1<float> workspace, Tensor2<Real> out, Tensor3<float> lse) {
  Region const region("attention_forward");
  std::uint64_t const moved = bytes_moved;
  share_out(exec, "attention_heads", shape.batch * shape.heads, [&](std::size_t n, std::size_t sharer) {
    std::size_t const b = n / shape.heads, h = n % shape.heads;
    head_forward<Real>(exec, head_of(qkv, shape, b, h), score_scale(shape),
                       workspace_of<Real>(sharer, shape, workspace), head_columns(out, shape, b, h),
                       lse_of(lse, shape, b, h));
  });
  bytes_moved = moved;  // but for these all stays in a cache
  moves(qkv, out, lse);
}

template <class Real>
void attention_backward(Exec const& exec, Input2<Real> dout, Input2<Real> qkv, Input2<Real> out,
                        Tensor3<float const> lse, AttentionShape const& shape, Tensor1<float> workspace,
                        Tensor2<Real> dqkv) {
  Region const region("attention_backward");
  std::uint64_t const moved = bytes_moved;
  std::size_t const group = shape.heads / shape.kv_heads;
  share_out(exec, "attention_heads", shape.batch * shape.kv_heads, [&](std::size_t n, std::size_t sharer) {
    std::size_t const b = n / shape.kv_heads, first = n % shape.kv_heads * group;
    auto const blocks = workspace_of<Real>(sharer, shape, workspace);
    for (std::size_t h = first; h < first + group; ++h) {
      head_backward<Real>(exec, head_columns(dout, shape, b, h), head_of(qkv, shape, b, h),
                          head_columns(out, shape, b, h), lse_of(lse, shape, b, h), score_scale(shape),
                          blocks, h == first ? Update::overwrite : Update::add, head_of(dqkv, shape, b, h));
    }
    Head<Real> const dhead = head_of(dqkv, shape, b, first);
    settle(exec, blocks.key_sums(dhead.key), dhead.key);
    settle(exec, blocks.value_sums(dhead.value), dhead.value);
  });
  bytes_moved = moved;
  moves(dout, qkv, out, lse, dqkv);
}

template std::size_t attention_workspace_size<float>(AttentionShape const&);
template std::size_t attention_workspace_size<Bf16>(AttentionShape const&);
template void attention_forward(Exec const&, Input2<float>, AttentionShape const&, Tensor1<float>,
                                Tensor2<float>, Tensor3<float>);
template void attention_forward(Exec const&, Input2<Bf16>, AttentionShape const&, Tensor1<float>,
                                Tensor2<Bf16>, Tensor3<float>);
template void attention_backward(Exec const&, Input2<float>, Input2<float>, Input2<float>,
                                 Tensor3<float const>, AttentionShape const&, Tensor1<float>, Tensor2<float>);
template void attention_backward(Exec const&, Input2<Bf16>, Input2<Bf16>, Input2<Bf16>, Tensor3<float const>,
                                 AttentionShape const&, Tensor1<float>, Tensor2<Bf16>);

}  // namespace atl::kernels
