// What products of fp32 matrices on the host are made of: a tile of the output that stays in registers.
#pragma once

#include <cstddef>
#include <utility>

namespace atl::kernels::tile {

// 24 of 32 registers hold the tile with AVX-512, 12 of 16 else.
#if defined(__AVX512F__)
constexpr std::size_t lanes = 16, vectors = 4;
#else
constexpr std::size_t lanes = 8, vectors = 2;
#endif
constexpr std::size_t height = 6;
constexpr std::size_t width = lanes * vectors;

// Lanes of floats, at any address.
using Vector __attribute__((vector_size(lanes * sizeof(float)), aligned(alignof(float)), may_alias)) = float;

// Element (r, k) lies at data[r * row + k * col].
struct Left {
  float const* data;
  std::size_t row, col;
};

// Rows are contiguous.
template <class T>
struct Rows {
  T* data;
  std::size_t stride;
  T* at(std::size_t row, std::size_t col) const { return data + row * stride + col; }
};

// out[r,c] (+)= sum_k a[r,k] b[k,c] for Height rows and Width vectors of columns.
template <std::size_t Height, std::size_t Width>
void multiply(Left const& a, Rows<float const> const& b, std::size_t inner, bool adds,
              Rows<float> const& out) {
  Vector sums[Height][Width];
  auto const place = [out](std::size_t r, std::size_t v) -> Vector& {
    return *reinterpret_cast<Vector*>(out.at(r, v * lanes));
  };
#pragma GCC unroll 8
  for (std::size_t r = 0; r < Height; ++r) {
#pragma GCC unroll 8
    for (std::size_t v = 0; v < Width; ++v) sums[r][v] = adds ? place(r, v) : Vector{};
  }
  for (std::size_t k = 0; k < inner; ++k) {
    Vector row[Width];
#pragma GCC unroll 8
    for (std::size_t v = 0; v < Width; ++v) row[v] = *reinterpret_cast<Vector const*>(b.at(k, v * lanes));
#pragma GCC unroll 8
    for (std::size_t r = 0; r < Height; ++r) {
      float const x = a.data[r * a.row + k * a.col];
#pragma GCC unroll 8
      for (std::size_t v = 0; v < Width; ++v) sums[r][v] += x * row[v];
    }
  }
#pragma GCC unroll 8
  for (std::size_t r = 0; r < Height; ++r) {
#pragma GCC unroll 8
    for (std::size_t v = 0; v < Width; ++v) place(r, v) = sums[r][v];
  }
}

// Of two vectors the lower halves, or the upper ones, in turns.
template <std::size_t Half, std::size_t... I>
Vector interleave(Vector a, Vector b, std::index_sequence<I...>) {
  return __builtin_shufflevector(a, b, (I / 2 + I % 2 * lanes + Half * lanes / 2)...);
}

// A square of lanes x lanes: to[c * to_stride + r] = from[r * from_stride + c]. Interleaving the first with
// the second half of the rows moves one bit of an element's column into its row.
inline void transpose(float const* from, std::size_t from_stride, float* to, std::size_t to_stride) {
  constexpr auto all = std::make_index_sequence<lanes>();
  Vector x[lanes], y[lanes];
#pragma GCC unroll 16
  for (std::size_t r = 0; r < lanes; ++r) x[r] = *reinterpret_cast<Vector const*>(from + r * from_stride);
#pragma GCC unroll 4
  for (std::size_t bit = 1; bit < lanes; bit *= 2) {
#pragma GCC unroll 16
    for (std::size_t r = 0; r < lanes / 2; ++r) {
      y[2 * r] = interleave<0>(x[r], x[r + lanes / 2], all);
      y[2 * r + 1] = interleave<1>(x[r], x[r + lanes / 2], all);
    }
#pragma GCC unroll 16
    for (std::size_t r = 0; r < lanes; ++r) x[r] = y[r];
  }
#pragma GCC unroll 16
  for (std::size_t r = 0; r < lanes; ++r) *reinterpret_cast<Vector*>(to + r * to_stride) = x[r];
}

}  // namespace atl::kernels::tile
