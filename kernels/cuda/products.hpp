// Products of tiles, by one warp: of bf16 on tensor cores, of floats by FMA. Both leave the same elements of
// a product in the same registers of the same lanes, so that what stands between products is written once.
#pragma once

#include "kernels/cuda/tile.hpp"

namespace atl::kernels::cuda {

__device__ __forceinline__ int lane() { return static_cast<int>(threadIdx.x) % 32; }

// A warp's sums of 16 Slabs rows and Columns columns. Lane l holds of slab s, in at[s][n][e], row 16 s + l /
// 4 + 8 (e / 2) and column 8 n + 2 (l % 4) + e % 2: four lanes share a row.
template <int Slabs, int Columns>
struct Sums {
  static constexpr int slabs = Slabs, columns = Columns;
  static constexpr int strips = Columns / 8;

  __device__ static __forceinline__ int row(int slab, int half) { return 16 * slab + lane() / 4 + 8 * half; }
  __device__ static __forceinline__ int column(int strip, int side) {
    return 8 * strip + 2 * (lane() % 4) + side;
  }

  float at[Slabs][strips][4];
};

// sums[r,c] += sum_d a[first + r, d] b[c,d]
template <int Slabs, int Columns, int Width>
__device__ __forceinline__ void multiply_nt(Tile<Bf16Bits, Width> a, int first, Tile<Bf16Bits, Width> b,
                                            Sums<Slabs, Columns>& sums) {
  using T = Tile<Bf16Bits, Width>;
  int const l = lane();
  // b's rows are columns of its transpose: two strips at once, two halves of 16 d of each.
  SharedAddress const from_a = shared_address(a.at(first + l % 16, l / 16));
  SharedAddress const from_b = shared_address(b.at(l % 8 + l / 16 * 8, l / 8 % 2));
  ATOLL_UNROLL
  for (int k = 0; k < Width / 16; ++k) {
    std::uint32_t left[Slabs][4];
    ATOLL_UNROLL
    for (int s = 0; s < Slabs; ++s) load_matrices(T::beside(from_a, 2 * k, s), left[s]);
    ATOLL_UNROLL
    for (int n = 0; n < Columns / 16; ++n) {
      std::uint32_t right[4];
      load_matrices(T::beside(from_b, 2 * k, n), right);
      ATOLL_UNROLL
      for (int s = 0; s < Slabs; ++s) {
        multiply_add(left[s], right[0], right[1], sums.at[s][2 * n]);
        multiply_add(left[s], right[2], right[3], sums.at[s][2 * n + 1]);
      }
    }
  }
}

// sums[r,d] += sum_c a[r,c] b[c,d]. Sums of one product are the left operand of the next as they lie,
// rounded.
template <int Slabs, int Columns, int Width>
__device__ __forceinline__ void multiply_nn(Sums<Slabs, Columns> const& a, Tile<Bf16Bits, Width> b,
                                            Sums<Slabs, Width>& sums) {
  using T = Tile<Bf16Bits, Width>;
  int const l = lane();
  SharedAddress const from_b = shared_address(b.at(l % 16, l / 16));
  ATOLL_UNROLL
  for (int k = 0; k < Columns / 16; ++k) {
    std::uint32_t left[Slabs][4];
    ATOLL_UNROLL
    for (int s = 0; s < Slabs; ++s) {
      ATOLL_UNROLL
      for (int i = 0; i < 4; ++i) {
        float const(&four)[4] = a.at[s][2 * k + i / 2];
        left[s][i] = pack_bf16(four[i % 2 * 2], four[i % 2 * 2 + 1]);
      }
    }
    ATOLL_UNROLL
    for (int n = 0; n < Width / 16; ++n) {
      std::uint32_t right[4];
      load_matrices_transposed(T::beside(from_b, 2 * n, k), right);
      ATOLL_UNROLL
      for (int s = 0; s < Slabs; ++s) {
        multiply_add(left[s], right[0], right[1], sums.at[s][2 * n]);
        multiply_add(left[s], right[2], right[3], sums.at[s][2 * n + 1]);
      }
    }
  }
}

__device__ __forceinline__ float4 load_four(float const* from) {
  return *reinterpret_cast<float4 const*>(from);
}
__device__ __forceinline__ float dot(float4 const& x, float4 const& y, float sum) {
  return fmaf(x.w, y.w, fmaf(x.z, y.z, fmaf(x.y, y.y, fmaf(x.x, y.x, sum))));
}

template <int Slabs, int Columns, int Width>
__device__ __forceinline__ void multiply_nt(Tile<float, Width> a, int first, Tile<float, Width> b,
                                            Sums<Slabs, Columns>& sums) {
  using S = Sums<Slabs, Columns>;
  for (int chunk = 0; chunk < Width / 4; ++chunk) {
    float4 left[Slabs][2];
    ATOLL_UNROLL
    for (int i = 0; i < 2 * Slabs; ++i) {
      left[i / 2][i % 2] = load_four(a.at(first + S::row(i / 2, i % 2), chunk));
    }
    ATOLL_UNROLL
    for (int n = 0; n < S::strips; ++n) {
      ATOLL_UNROLL
      for (int side = 0; side < 2; ++side) {
        float4 const right = load_four(b.at(S::column(n, side), chunk));
        ATOLL_UNROLL
        for (int i = 0; i < 2 * Slabs; ++i) {
          float& sum = sums.at[i / 2][n][i % 2 * 2 + side];
          sum = dot(left[i / 2][i % 2], right, sum);
        }
      }
    }
  }
}

// The four lanes of a row hand its elements around.
template <int Slabs, int Columns, int Width>
__device__ __forceinline__ void multiply_nn(Sums<Slabs, Columns> const& a, Tile<float, Width> b,
                                            Sums<Slabs, Width>& sums) {
  using S = Sums<Slabs, Width>;
  int const column = S::column(0, 0);
  float const* const even = b.at(0, column / 4) + column % 4;
  float const* const odd = b.at(1, column / 4) + column % 4;
  ATOLL_UNROLL
  for (int n = 0; n < Columns / 8; ++n) {
    ATOLL_UNROLL
    for (int c = 0; c < 8; ++c) {
      float left[Slabs][2];
      ATOLL_UNROLL
      for (int i = 0; i < 2 * Slabs; ++i) {
        left[i / 2][i % 2] = __shfl_sync(0xFFFFFFFFU, a.at[i / 2][n][i % 2 * 2 + c % 2], c / 2, 4);
      }
      ATOLL_UNROLL
      for (int d = 0; d < S::strips; ++d) {
        float const* const from = (c % 2 == 0 ? even : odd) + Tile<float, Width>::between(8 * n + c, d);
        float2 const right = *reinterpret_cast<float2 const*>(from);
        ATOLL_UNROLL
        for (int i = 0; i < 2 * Slabs; ++i) {
          float(&four)[4] = sums.at[i / 2][d];
          four[i % 2 * 2] = fmaf(left[i / 2][i % 2], right.x, four[i % 2 * 2]);
          four[i % 2 * 2 + 1] = fmaf(left[i / 2][i % 2], right.y, four[i % 2 * 2 + 1]);
        }
      }
    }
  }
}

}  // namespace atl::kernels::cuda
