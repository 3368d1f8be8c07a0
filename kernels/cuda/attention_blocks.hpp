// What the attention kernels have in common: which block of a head is whose, its shared memory, causality,
// results.
#pragma once

#include <cmath>
#include <initializer_list>
#include <stdexcept>
#include <string>

#include "kernels/cuda/products.hpp"

namespace atl::kernels::cuda {

// A block of threads owns 16 `slabs` rows for each of its warps, and goes along the other side `columns` at a
// time.
constexpr int warps = 4;
constexpr int threads = 32 * warps;

constexpr float log2_e = 1.4426950408889634F;
constexpr float ln_2 = 0.6931471805599453F;

// The shape as kernels read it.
struct Extents {
  int context, heads, kv_heads, head_dim;
  bool are_chunks_aligned;  // of what is read, to 16 bytes
  bool are_pairs_aligned;   // of what is written, to their size
  float scale;

  __host__ __device__ int group() const { return heads / kv_heads; }
  __host__ __device__ std::size_t width() const {
    return static_cast<std::size_t>(heads + 2 * kv_heads) * head_dim;
  }
};

__host__ __device__ constexpr int blocks_for(int size, int block) { return (size + block - 1) / block; }

// Rows of the head that begins at column `head * head_dim` of a matrix of `width` columns, in sequence b.
template <class T>
__device__ __forceinline__ Rows<T> head_rows(T* matrix, std::size_t width, Extents const& e, std::size_t b,
                                             int head) {
  T* const first = matrix + b * e.context * width + static_cast<std::size_t>(head) * e.head_dim;
  return {first, width, e.context, e.head_dim, e.are_chunks_aligned};
}
template <class T>
__device__ __forceinline__ Rows<T> query_rows(T* qkv, Extents const& e, std::size_t b, int head) {
  return head_rows(qkv, e.width(), e, b, head);
}
template <class T>
__device__ __forceinline__ Rows<T> key_rows(T* qkv, Extents const& e, std::size_t b, int kv_head) {
  return head_rows(qkv, e.width(), e, b, e.heads + kv_head);
}
template <class T>
__device__ __forceinline__ Rows<T> value_rows(T* qkv, Extents const& e, std::size_t b, int kv_head) {
  return head_rows(qkv, e.width(), e, b, e.heads + e.kv_heads + kv_head);
}
template <class T>
__device__ __forceinline__ Rows<T> out_rows(T* out, Extents const& e, std::size_t b, int head) {
  return head_rows(out, static_cast<std::size_t>(e.heads) * e.head_dim, e, b, head);
}

// Shared memory of a block: tiles of its own rows, and two stages of a pair of tiles, one being filled while
// the other is computed with, each with Numbers floats for every column.
template <class Real, int Width, int RowTiles, int Slabs, int Columns, int Numbers = 0>
class Room {
 public:
  using Piece = Tile<Real, Width>;
  static constexpr int rows = 16 * Slabs * warps, columns = Columns;
  static constexpr std::size_t row_bytes = Piece::bytes(rows), column_bytes = Piece::bytes(columns);
  static constexpr std::size_t tile_bytes = RowTiles * row_bytes + 4 * column_bytes;
  static constexpr std::size_t bytes = tile_bytes + 2 * Numbers * Columns * sizeof(float);

  __device__ __forceinline__ Room() : memory_(shared_memory()) {}

  __device__ __forceinline__ Piece row_tile(int which) const { return Piece(memory_ + which * row_bytes); }
  __device__ __forceinline__ Piece column_tile(int step, int which) const {
    return Piece(memory_ + RowTiles * row_bytes + (step % 2 * 2 + which) * column_bytes);
  }
  __device__ __forceinline__ float* numbers(int step, int which) const {
    return reinterpret_cast<float*>(memory_ + tile_bytes) + (step % 2 * Numbers + which) * Columns;
  }

 private:
  unsigned char* memory_;
};

// Scores that causality forbids become -inf, whose exponential is 0: where is_forbidden(row, column),
template <int Slabs, int Columns, class Rule>
__device__ __forceinline__ void hide(Sums<Slabs, Columns>& scores, Rule const& is_forbidden) {
  using S = Sums<Slabs, Columns>;
  ATOLL_UNROLL
  for (int i = 0; i < Slabs * S::strips * 4; ++i) {
    int const s = i / 4 / S::strips, n = i / 4 % S::strips, e = i % 4;
    if (is_forbidden(S::row(s, e / 2), S::column(n, e % 2))) scores.at[s][n][e] = -INFINITY;
  }
}
// of rows of queries and columns of keys,
template <int Slabs, int Columns>
__device__ __forceinline__ void hide_later_keys(int query, int key, Sums<Slabs, Columns>& scores) {
  hide(scores, [=](int row, int column) { return key + column > query + row; });
}
// and of rows of keys and columns of queries.
template <int Slabs, int Columns>
__device__ __forceinline__ void hide_earlier_queries(int key, int query, Sums<Slabs, Columns>& scores) {
  hide(scores, [=](int row, int column) { return query + column < key + row; });
}

__device__ __forceinline__ void store_two(float* to, float x, float y) {
  *reinterpret_cast<float2*>(to) = make_float2(x, y);
}
__device__ __forceinline__ void store_two(Bf16Bits* to, float x, float y) {
  *reinterpret_cast<std::uint32_t*>(to) = pack_bf16(x, y);
}
__device__ __forceinline__ void store_one(float* to, float x) { *to = x; }
__device__ __forceinline__ void store_one(Bf16Bits* to, float x) {
  *to = static_cast<Bf16Bits>(pack_bf16(x, 0.0F) & 0xFFFFU);
}

// Row `first + r` becomes factors[r] * sums[r], as far as rows and columns exist.
template <class Real, int Slabs, int Width>
__device__ __forceinline__ void store_rows(Sums<Slabs, Width> const& sums, float const (&factors)[Slabs][2],
                                           int first, Rows<Real> const& to, bool are_pairs_aligned) {
  using S = Sums<Slabs, Width>;
  ATOLL_UNROLL
  for (int i = 0; i < 2 * Slabs; ++i) {
    int const s = i / 2, half = i % 2, row = first + S::row(s, half);
    if (row >= to.count) continue;
    Real* const place = to.data + row * to.stride;
    ATOLL_UNROLL
    for (int n = 0; n < S::strips; ++n) {
      int const column = S::column(n, 0);
      float const x = factors[s][half] * sums.at[s][n][2 * half];
      float const y = factors[s][half] * sums.at[s][n][2 * half + 1];
      if (are_pairs_aligned) {
        if (column < to.width) store_two(place + column, x, y);
      } else {
        if (column < to.width) store_one(place + column, x);
        if (column + 1 < to.width) store_one(place + column + 1, y);
      }
    }
  }
}

inline bool is_aligned(void const* pointer, std::size_t bytes) {
  return reinterpret_cast<std::uintptr_t>(pointer) % bytes == 0;
}

// Of a kernel that reads `inputs` and writes `output`. Throws where the shape is none that is computed here.
template <class Real>
Extents extents_of(AttentionShape const& shape, std::initializer_list<Real const*> inputs,
                   Real const* output) {
  if (shape.head_dim == 0 || shape.head_dim > 128) {
    throw std::runtime_error("attention on a GPU: head_dim is " + std::to_string(shape.head_dim) +
                             "; it is computed up to 128: choose more heads");
  }
  if (shape.kv_heads == 0 || shape.heads % shape.kv_heads != 0) {
    throw std::runtime_error("attention on a GPU: " + std::to_string(shape.kv_heads) +
                             " kv_heads do not divide " + std::to_string(shape.heads) + " heads");
  }
  if (shape.context > (1U << 30U)) throw std::runtime_error("attention on a GPU: context exceeds 2^30");
  bool are_chunks_aligned = shape.head_dim * sizeof(Real) % 16 == 0;
  for (Real const* const input : inputs) are_chunks_aligned = are_chunks_aligned && is_aligned(input, 16);
  auto const number = [](std::size_t x) { return static_cast<int>(x); };
  return {.context = number(shape.context),
          .heads = number(shape.heads),
          .kv_heads = number(shape.kv_heads),
          .head_dim = number(shape.head_dim),
          .are_chunks_aligned = are_chunks_aligned,
          .are_pairs_aligned = shape.head_dim % 2 == 0 && is_aligned(output, 2 * sizeof(Real)),
          .scale = 1.0F / std::sqrt(static_cast<float>(shape.head_dim))};
}

// body.operator()<Width>() for the least width that holds head_dim.
template <class Body>
void for_width_of(AttentionShape const& shape, Body const& body) {
  if (shape.head_dim <= 32) {
    body.template operator()<32>();
  } else if (shape.head_dim <= 64) {
    body.template operator()<64>();
  } else {
    body.template operator()<128>();
  }
}

}  // namespace atl::kernels::cuda
