// out = softmax(scale Q K^T) V, a block of threads for each block of queries of a head (FlashAttention-2,
// algorithm 1).
#include "kernels/cuda/attention_blocks.hpp"

namespace atl::kernels::cuda {
namespace {

// Rows 16 x slabs of a warp share what it reads of keys and values; more of them, or more columns, take more
// registers.
template <class Real, int Width>
struct ForwardSize {
  static constexpr int slabs = 2, columns = Width > 64 ? 32 : 64;
};
template <int Width>
struct ForwardSize<float, Width> {
  static constexpr int slabs = 1, columns = Width > 64 ? 16 : 32;
};

// The softmax of a warp's rows over the keys so far, in powers of two: p = 2^(scale_log2 * score - maximum).
template <int Slabs>
struct OnlineSoftmax {
  float maximum[Slabs][2], sum[Slabs][2];  // sum: over the columns of this lane alone

  __device__ __forceinline__ OnlineSoftmax() {
    ATOLL_UNROLL
    for (int i = 0; i < 2 * Slabs; ++i) {
      maximum[i / 2][i % 2] = -INFINITY;
      sum[i / 2][i % 2] = 0.0F;
    }
  }

  // Turns scores into p, and brings what earlier keys left in out to the new maximum. The first keys must
  // show every row one that it sees.
  template <int Columns, int Width>
  __device__ __forceinline__ void add(float scale_log2, Sums<Slabs, Columns>& scores,
                                      Sums<Slabs, Width>& out) {
    ATOLL_UNROLL
    for (int i = 0; i < 2 * Slabs; ++i) {
      int const s = i / 2, half = i % 2;
      float highest = -INFINITY;
      ATOLL_UNROLL
      for (int n = 0; n < 2 * scores.strips; ++n)
        highest = fmaxf(highest, scores.at[s][n / 2][2 * half + n % 2]);
      highest = fmaxf(highest, __shfl_xor_sync(0xFFFFFFFFU, highest, 1));
      highest = fmaxf(highest, __shfl_xor_sync(0xFFFFFFFFU, highest, 2));
      float const before = maximum[s][half], now = fmaxf(before, scale_log2 * highest);
      float const shrink = exp2_approximate(before - now);
      maximum[s][half] = now;
      sum[s][half] *= shrink;
      ATOLL_UNROLL
      for (int n = 0; n < 2 * scores.strips; ++n) {
        float& score = scores.at[s][n / 2][2 * half + n % 2];
        score = exp2_approximate(fmaf(scale_log2, score, -now));
        sum[s][half] += score;
      }
      ATOLL_UNROLL
      for (int n = 0; n < 2 * out.strips; ++n) out.at[s][n / 2][2 * half + n % 2] *= shrink;
    }
  }

  __device__ __forceinline__ float whole_sum(int slab, int half) const {
    float whole = sum[slab][half];
    whole += __shfl_xor_sync(0xFFFFFFFFU, whole, 1);
    return whole + __shfl_xor_sync(0xFFFFFFFFU, whole, 2);
  }
};

template <class Real, int Width>
__global__ void __launch_bounds__(threads, 2) forward(Extents e, AttentionForward<Real> operands) {
  using Size = ForwardSize<Real, Width>;
  using Shared = Room<Real, Width, 1, Size::slabs, Size::columns>;
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
  start(0);

  OnlineSoftmax<Size::slabs> softmax;
  Sums<Size::slabs, Width> out = {};
  for (int step = 0; step < steps; ++step) {
    finish_copies();
    __syncthreads();  // this step's tiles are there, and nobody reads the last step's any more
    if (step + 1 < steps) start(step + 1);
    int const key = step * Shared::columns;
    if (key >= first_of_warp + 16 * Size::slabs) continue;
    Sums<Size::slabs, Size::columns> scores = {};
    multiply_nt(room.row_tile(0), first_of_warp - query, room.column_tile(step, 0), scores);
    if (key + Size::columns - 1 > first_of_warp) hide_later_keys(first_of_warp, key, scores);
    softmax.add(log2_e * e.scale, scores, out);
    multiply_nn(scores, room.column_tile(step, 1), out);
  }

  float factors[Size::slabs][2];
  ATOLL_UNROLL
  for (int i = 0; i < 2 * Size::slabs; ++i) {
    int const s = i / 2, half = i % 2, row = first_of_warp + out.row(s, half);
    float const sum = softmax.whole_sum(s, half);
    factors[s][half] = 1.0F / sum;
    if (lane() % 4 == 0 && row < e.context) {
      operands.lse[static_cast<std::size_t>(of_heads) * e.context + row] =
          ln_2 * (softmax.maximum[s][half] + log2f(sum));
    }
  }
  store_rows(out, factors, first_of_warp, out_rows(operands.out, e, b, h), e.are_pairs_aligned);
}

}  // namespace

template <class Real>
void attention_forward(Stream stream, AttentionShape const& shape, AttentionForward<Real> const& operands) {
  Extents const e = extents_of<Real>(shape, {operands.qkv}, operands.out);
  for_width_of(shape, [&]<int Width>() {
    using Size = ForwardSize<Real, Width>;
    using Shared = Room<Real, Width, 1, Size::slabs, Size::columns>;
    std::size_t const blocks = shape.batch * shape.heads * blocks_for(e.context, Shared::rows);
    launch("attention_forward", forward<Real, Width>, {blocks, threads, Shared::bytes}, stream, e, operands);
  });
}

template void attention_forward(Stream, AttentionShape const&, AttentionForward<float> const&);
template void attention_forward(Stream, AttentionShape const&, AttentionForward<Bf16Bits> const&);

}  // namespace atl::kernels::cuda
