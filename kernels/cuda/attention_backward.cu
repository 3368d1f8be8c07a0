// The gradient of attention: dK and dV of a block of keys by one kernel, dQ of a block of queries by another.
// Both compute P = exp(scale Q K^T - lse) and dS = P (dP - delta) again, dP = dO V^T, where delta[q] = sum_d
// dout[q,d] out[q,d] is sum_k P[q,k] dP[q,k] (FlashAttention-2, algorithm 2, its sums dealt out to two
// kernels).
#include "kernels/cuda/attention_blocks.hpp"

namespace atl::kernels::cuda {
namespace {

template <class Real, int Width>
struct KeysSize {
  static constexpr int slabs = Width > 64 ? 1 : 2, columns = 32;
};
template <int Width>
struct KeysSize<float, Width> {
  static constexpr int slabs = 1, columns = Width > 64 ? 16 : 32;
};

template <class Real, int Width>
struct QueriesSize {
  static constexpr int slabs = 2, columns = 32;
};
template <int Width>
struct QueriesSize<float, Width> {
  static constexpr int slabs = 1, columns = Width > 64 ? 16 : 32;
};

__device__ __forceinline__ float float_of(float x) { return x; }
__device__ __forceinline__ float float_of(Bf16Bits x) {
  return float_of_bits(static_cast<std::uint32_t>(x) << 16U);
}

// sum += x . y over 16 bytes of each.
__device__ __forceinline__ float chunk_dot(float const* x, float const* y, float sum) {
  return dot(load_four(x), load_four(y), sum);
}
__device__ __forceinline__ float chunk_dot(Bf16Bits const* x, Bf16Bits const* y, float sum) {
  uint4 const a = *reinterpret_cast<uint4 const*>(x), b = *reinterpret_cast<uint4 const*>(y);
  std::uint32_t const pairs[4][2] = {{a.x, b.x}, {a.y, b.y}, {a.z, b.z}, {a.w, b.w}};
  ATOLL_UNROLL
  for (int i = 0; i < 4; ++i) {
    sum = fmaf(float_of_bits(pairs[i][0] << 16U), float_of_bits(pairs[i][1] << 16U), sum);
    sum = fmaf(float_of_bits(pairs[i][0] & 0xFFFF0000U), float_of_bits(pairs[i][1] & 0xFFFF0000U), sum);
  }
  return sum;
}

// delta[b,h,t], into the workspace: eight lanes for each.
constexpr int lanes_of_a_row = 8;

template <class Real>
__global__ void __launch_bounds__(threads)
    row_products(Extents e, std::size_t count, AttentionBackward<Real> operands) {
  constexpr int chunk = 16 / sizeof(Real);
  std::size_t const place =
      static_cast<std::size_t>(blockIdx.x) * (threads / lanes_of_a_row) + threadIdx.x / lanes_of_a_row;
  std::size_t const n = place < count ? place : count - 1;  // all lanes take part in the exchange
  std::size_t const of_heads = n / e.context, t = n % e.context;
  int const h = static_cast<int>(of_heads % e.heads);
  auto const dout = out_rows(operands.dout, e, of_heads / e.heads, h);
  auto const out = out_rows(operands.out, e, of_heads / e.heads, h);
  Real const* const x = dout.data + t * dout.stride;
  Real const* const y = out.data + t * out.stride;
  float sum = 0.0F;
  for (int c = static_cast<int>(threadIdx.x) % lanes_of_a_row * chunk; c < e.head_dim;
       c += lanes_of_a_row * chunk) {
    if (e.are_chunks_aligned) {
      sum = chunk_dot(x + c, y + c, sum);
    } else {
      for (int i = c; i < c + chunk && i < e.head_dim; ++i) sum = fmaf(float_of(x[i]), float_of(y[i]), sum);
    }
  }
  for (int step = 1; step < lanes_of_a_row; step *= 2) sum += __shfl_xor_sync(0xFFFFFFFFU, sum, step);
  if (threadIdx.x % lanes_of_a_row == 0 && place < count) operands.workspace[n] = sum;
}

// dK = scale sum_q dS[q,k] Q[q], dV = sum_q P[q,k] dO[q], over the queries of all heads that read these keys.
// Rows are keys and columns queries, so that P and dS come out as the left operands of those sums.
template <class Real, int Width>
__global__ void __launch_bounds__(threads, 2) backward_keys(Extents e, AttentionBackward<Real> operands) {
  using Size = KeysSize<Real, Width>;
  using Shared = Room<Real, Width, 2, Size::slabs, Size::columns, 2>;
  Shared const room;

  // The first keys are seen by the most queries and come first.
  int const blocks = blocks_for(e.context, Shared::rows);
  int const key = static_cast<int>(blockIdx.x) % blocks * Shared::rows;
  int const of_heads = static_cast<int>(blockIdx.x) / blocks;
  int const b = of_heads / e.kv_heads, kv_head = of_heads % e.kv_heads;
  int const first_of_warp = key + static_cast<int>(threadIdx.x) / 32 * 16 * Size::slabs;
  int const first_query = key / Shared::columns * Shared::columns;
  int const steps = e.group() * blocks_for(e.context - first_query, Shared::columns);

  // One half of the threads brings lse and the other delta.
  int const which_numbers = static_cast<int>(threadIdx.x) / (threads / 2);
  float const* const numbers = which_numbers == 0 ? operands.lse : operands.workspace;
  int h = kv_head * e.group(), query = first_query;  // of the step that is started next
  auto const start = [&](int step) {
    start_rows<threads, Shared::columns>(query_rows(operands.qkv, e, b, h), query, room.column_tile(step, 0));
    start_rows<threads, Shared::columns>(out_rows(operands.dout, e, b, h), query, room.column_tile(step, 1));
    start_numbers<Shared::columns>(numbers + (static_cast<std::size_t>(b) * e.heads + h) * e.context, query,
                                   e.context, room.numbers(step, which_numbers));
  };
  start_rows<threads, Shared::rows>(key_rows(operands.qkv, e, b, kv_head), key, room.row_tile(0));
  start_rows<threads, Shared::rows>(value_rows(operands.qkv, e, b, kv_head), key, room.row_tile(1));
  start(0);

  Sums<Size::slabs, Width> dkey = {}, dvalue = {};
  for (int step = 0; step < steps; ++step) {
    finish_copies();
    __syncthreads();  // this step's tiles are there, and nobody reads the last step's any more
    int const now = query;
    query += Shared::columns;
    if (query >= e.context) {
      query = first_query;
      ++h;
    }
    if (step + 1 < steps) start(step + 1);
    if (now + Size::columns <= first_of_warp) continue;
    Sums<Size::slabs, Size::columns> p = {}, ds = {};
    multiply_nt(room.row_tile(0), first_of_warp - key, room.column_tile(step, 0), p);
    if (now < first_of_warp + 16 * Size::slabs - 1) hide_earlier_queries(first_of_warp, now, p);
    float const* const lse = room.numbers(step, 0);
    ATOLL_UNROLL
    for (int i = 0; i < Size::slabs * p.strips * 4; ++i) {
      float& score = p.at[i / 4 / p.strips][i / 4 % p.strips][i % 4];
      float const of_query = lse[p.column(i / 4 % p.strips, i % 2)];
      score = exp2_approximate(fmaf(log2_e * e.scale, score, -log2_e * of_query));
    }
    multiply_nn(p, room.column_tile(step, 1), dvalue);
    multiply_nt(room.row_tile(1), first_of_warp - key, room.column_tile(step, 1), ds);
    float const* const delta = room.numbers(step, 1);
    ATOLL_UNROLL
    for (int i = 0; i < Size::slabs * p.strips * 4; ++i) {
      int const s = i / 4 / p.strips, n = i / 4 % p.strips;
      ds.at[s][n][i % 4] = p.at[s][n][i % 4] * (ds.at[s][n][i % 4] - delta[p.column(n, i % 2)]);
    }
    multiply_nn(ds, room.column_tile(step, 0), dkey);
  }

  float scales[Size::slabs][2], ones[Size::slabs][2];
  ATOLL_UNROLL
  for (int i = 0; i < 2 * Size::slabs; ++i) {
    scales[i / 2][i % 2] = e.scale;
    ones[i / 2][i % 2] = 1.0F;
  }
  store_rows(dkey, scales, first_of_warp, key_rows(operands.dqkv, e, b, kv_head), e.are_pairs_aligned);
  store_rows(dvalue, ones, first_of_warp, value_rows(operands.dqkv, e, b, kv_head), e.are_pairs_aligned);
}

// dQ = scale sum_k dS[q,k] K[k].
template <class Real, int Width>
__global__ void __launch_bounds__(threads, 2) backward_queries(Extents e, AttentionBackward<Real> operands) {
  using Size = QueriesSize<Real, Width>;
  using Shared = Room<Real, Width, 2, Size::slabs, Size::columns>;
  Shared const room;

  // The last queries see the most keys and come first.
  int const blocks = blocks_for(e.context, Shared::rows);
  int const query = (blocks - 1 - static_cast<int>(blockIdx.x) % blocks) * Shared::rows;
  int const of_heads = static_cast<int>(blockIdx.x) / blocks;
  int const b = of_heads / e.heads, h = of_heads % e.heads, kv_head = h / e.group();
  int const first_of_warp = query + static_cast<int>(threadIdx.x) / 32 * 16 * Size::slabs;
  auto const keys = key_rows(operands.qkv, e, b, kv_head), values = value_rows(operands.qkv, e, b, kv_head);

  auto const start = [&](int step) {
    int const key = step * Shared::columns;
    start_rows<threads, Shared::columns>(keys, key, room.column_tile(step, 0));
    start_rows<threads, Shared::columns>(values, key, room.column_tile(step, 1));
  };
  int const end = query + Shared::rows < e.context ? query + Shared::rows : e.context;
  int const steps = blocks_for(end, Shared::columns);
  start_rows<threads, Shared::rows>(query_rows(operands.qkv, e, b, h), query, room.row_tile(0));
  start_rows<threads, Shared::rows>(out_rows(operands.dout, e, b, h), query, room.row_tile(1));
  start(0);

  Sums<Size::slabs, Width> dquery = {};
  float lse_log2[Size::slabs][2], delta[Size::slabs][2], scales[Size::slabs][2];
  ATOLL_UNROLL
  for (int i = 0; i < 2 * Size::slabs; ++i) {
    int const s = i / 2, half = i % 2, row = first_of_warp + dquery.row(s, half);
    std::size_t const place = static_cast<std::size_t>(of_heads) * e.context + row;
    lse_log2[s][half] = row < e.context ? log2_e * operands.lse[place] : 0.0F;
    delta[s][half] = row < e.context ? operands.workspace[place] : 0.0F;
    scales[s][half] = e.scale;
  }
  for (int step = 0; step < steps; ++step) {
    finish_copies();
    __syncthreads();  // this step's tiles are there, and nobody reads the last step's any more
    if (step + 1 < steps) start(step + 1);
    int const key = step * Shared::columns;
    if (key >= first_of_warp + 16 * Size::slabs) continue;
    Sums<Size::slabs, Size::columns> p = {}, ds = {};
    multiply_nt(room.row_tile(0), first_of_warp - query, room.column_tile(step, 0), p);
    if (key + Size::columns - 1 > first_of_warp) hide_later_keys(first_of_warp, key, p);
    multiply_nt(room.row_tile(1), first_of_warp - query, room.column_tile(step, 1), ds);
    ATOLL_UNROLL
    for (int i = 0; i < Size::slabs * p.strips * 4; ++i) {
      int const s = i / 4 / p.strips, n = i / 4 % p.strips, half = i % 4 / 2;
      float const weight = exp2_approximate(fmaf(log2_e * e.scale, p.at[s][n][i % 4], -lse_log2[s][half]));
      ds.at[s][n][i % 4] = weight * (ds.at[s][n][i % 4] - delta[s][half]);
    }
    multiply_nn(ds, room.column_tile(step, 0), dquery);
  }
  store_rows(dquery, scales, first_of_warp, query_rows(operands.dqkv, e, b, h), e.are_pairs_aligned);
}

}  // namespace

std::size_t attention_workspace_size(AttentionShape const& shape) {
  return shape.batch * shape.heads * shape.context;
}

template <class Real>
void attention_backward(Stream stream, AttentionShape const& shape, AttentionBackward<Real> const& operands) {
  Extents const e = extents_of<Real>(shape, {operands.dout, operands.qkv, operands.out}, operands.dqkv);
  std::size_t const rows = attention_workspace_size(shape);
  std::size_t const rows_of_a_block = threads / lanes_of_a_row;
  launch("attention_row_products", row_products<Real>,
         {(rows + rows_of_a_block - 1) / rows_of_a_block, threads, 0}, stream, e, rows, operands);
  for_width_of(shape, [&]<int Width>() {
    using Size = KeysSize<Real, Width>;
    using Shared = Room<Real, Width, 2, Size::slabs, Size::columns, 2>;
    std::size_t const blocks = shape.batch * shape.kv_heads * blocks_for(e.context, Shared::rows);
    launch("attention_backward_keys", backward_keys<Real, Width>, {blocks, threads, Shared::bytes}, stream, e,
           operands);
  });
  for_width_of(shape, [&]<int Width>() {
    using Size = QueriesSize<Real, Width>;
    using Shared = Room<Real, Width, 2, Size::slabs, Size::columns>;
    std::size_t const blocks = shape.batch * shape.heads * blocks_for(e.context, Shared::rows);
    launch("attention_backward_queries", backward_queries<Real, Width>, {blocks, threads, Shared::bytes},
           stream, e, operands);
  });
}

template void attention_backward(Stream, AttentionShape const&, AttentionBackward<float> const&);
template void attention_backward(Stream, AttentionShape const&, AttentionBackward<Bf16Bits> const&);

}  // namespace atl::kernels::cuda
