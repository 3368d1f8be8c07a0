// Tiles of rows of a head in shared memory, and how they get there.
#pragma once

#include "kernels/cuda/attention.hpp"
#include "kernels/cuda/words.hpp"

namespace atl::kernels::cuda {

// Rows of one head in global memory: row r begins at data + r * stride, and `count` of them exist.
template <class T>
struct Rows {
  T* data;
  std::size_t stride;
  int count;
  int width;  // head_dim
  bool are_chunks_aligned;
};

// Rows of Width elements, in chunks of 16 bytes. Where the chunks of a row lie is permuted by row, so that
// the eight rows that a warp reads at once, in the same chunk of each, are in different banks: a line of 128
// bytes goes once through all banks and holds one row, a part of one, or several. Begins at a multiple of 512
// bytes.
template <class Real, int Width>
class Tile {
 public:
  static constexpr int chunk = 16 / sizeof(Real);  // elements
  static constexpr int chunks = Width / chunk;     // of a row
  static constexpr int row_bytes = 16 * chunks;
  static constexpr int rows_of_a_line = chunks >= 8 ? 1 : 8 / chunks;
  static constexpr int places = chunks >= 8 ? 8 : chunks;

  static constexpr std::size_t bytes(int rows) { return static_cast<std::size_t>(row_bytes) * rows; }

  __device__ __forceinline__ explicit Tile(unsigned char* memory) : memory_(memory) {}

  __device__ __forceinline__ Real* at(int row, int chunk_of_row) const {
    unsigned const r = static_cast<unsigned>(row), c = static_cast<unsigned>(chunk_of_row);
    return reinterpret_cast<Real*>(memory_ + (r * chunks + (c ^ r / rows_of_a_line % places)) * 16);
  }

  // Neighbours of a place. Written out, since the compiler cannot know: kept for all of them, addresses would
  // take most of the registers. From chunk c of a row to chunk c ^ `chunks_on`, and 16 `slabs` rows on.
  __device__ __forceinline__ static SharedAddress beside(SharedAddress place, int chunks_on, int slabs = 0) {
    return (place ^ static_cast<unsigned>(16 * chunks_on)) + 16U * static_cast<unsigned>(row_bytes * slabs);
  }
  // What lies between at(row % 2, side) and at(row, 2 * pair + side), in elements, if a line holds no more
  // than a row.
  __device__ __forceinline__ static constexpr int between(int row, int pair) {
    static_assert(rows_of_a_line == 1);
    return (row - row % 2) * Width + (2 * pair ^ (row % places - row % 2)) * chunk;
  }

 private:
  unsigned char* memory_;
};

// Starts copying rows [first, first + Count) into the tile, zeros for those, and for columns, that do not
// exist. All threads of the block share the work.
template <int Threads, int Count, class Real, int Width>
__device__ __forceinline__ void start_rows(Rows<Real const> const& from, int first, Tile<Real, Width> to) {
  using To = Tile<Real, Width>;
  constexpr int rows_at_once = Threads / To::chunks;
  static_assert(Threads % To::chunks == 0 && Count % rows_at_once == 0);
  int const chunk = static_cast<int>(threadIdx.x) % To::chunks, column = chunk * To::chunk;
  int const first_row = static_cast<int>(threadIdx.x) / To::chunks;
  if (from.are_chunks_aligned) {
    // Where nothing is there, this points anywhere and is not read.
    Real const* source = from.data + static_cast<std::size_t>(first + first_row) * from.stride + column;
    ATOLL_UNROLL
    for (int n = 0; n < Count / rows_at_once; ++n) {
      int const row = first_row + n * rows_at_once;
      start_copy_16(to.at(row, chunk), source, first + row < from.count && column < from.width);
      source += rows_at_once * from.stride;
    }
  } else {
    ATOLL_KEEP_ROLLED
    for (int row = first_row; row < Count; row += rows_at_once) {
      Real const* const source = from.data + static_cast<std::size_t>(first + row) * from.stride + column;
      Real* const place = to.at(row, chunk);
      ATOLL_KEEP_ROLLED
      for (int e = 0; e < To::chunk; ++e) {
        place[e] = first + row < from.count && column + e < from.width ? source[e] : Real(0);
      }
    }
  }
}

// Starts copying numbers [first, first + Count), zeros from `count` on: 64 threads share the work.
template <int Count>
__device__ __forceinline__ void start_numbers(float const* from, int first, int count, float* to) {
  static_assert(Count <= 64);
  int const i = static_cast<int>(threadIdx.x) % 64;
  if (i < Count) start_copy_4(to + i, from + first + i, first + i < count);
}

}  // namespace atl::kernels::cuda
