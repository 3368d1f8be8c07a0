// The few words of the machine that kernels here speak beyond C++: PTX instructions and launches. Sources
// that include this are CUDA; tests/kernels/cuda/emulation.hpp has the same words for a host without a GPU
// and must come before them.
#pragma once

#ifndef ATOLL_EMULATES_CUDA

#include <cuda_runtime.h>

#include <cstdint>
#include <source_location>
#include <stdexcept>
#include <string>

#define ATOLL_UNROLL _Pragma("unroll")
#define ATOLL_KEEP_ROLLED _Pragma("unroll 1")

namespace atl::kernels::cuda {

// Dynamic shared memory of the block, aligned to 1024 bytes.
__device__ __forceinline__ unsigned char* shared_memory() {
  extern __shared__ __align__(1024) unsigned char atoll_shared_memory[];
  return atoll_shared_memory;
}

// A place in shared memory as PTX names it.
using SharedAddress = std::uint32_t;
__device__ __forceinline__ SharedAddress shared_address(void const* place) {
  return static_cast<SharedAddress>(__cvta_generic_to_shared(place));
}

// Starts a copy of 16 bytes from global to shared memory, both aligned to 16; zeros where not `is_there`.
__device__ __forceinline__ void start_copy_16(void* to, void const* from, bool is_there) {
  asm volatile("cp.async.cg.shared.global [%0], [%1], 16, %2;" ::"r"(shared_address(to)), "l"(from),
               "r"(is_there ? 16 : 0)
               : "memory");
}
// The same of 4 bytes, aligned to 4.
__device__ __forceinline__ void start_copy_4(void* to, void const* from, bool is_there) {
  asm volatile("cp.async.ca.shared.global [%0], [%1], 4, %2;" ::"r"(shared_address(to)), "l"(from),
               "r"(is_there ? 4 : 0)
               : "memory");
}
// Waits for all copies that this thread has started; others see them after the next __syncthreads().
__device__ __forceinline__ void finish_copies() { asm volatile("cp.async.wait_all;" ::: "memory"); }

// Four 8 x 8 matrices of 16-bit numbers. Lane l names row l % 8 of matrix l / 8, 16 bytes in shared memory,
// and gets of matrix i in to[i] the elements (l / 4, 2 (l % 4)) and (l / 4, 2 (l % 4) + 1), the first in the
// lower half.
__device__ __forceinline__ void load_matrices(SharedAddress row, std::uint32_t (&to)[4]) {
  asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0, %1, %2, %3}, [%4];"
               : "=r"(to[0]), "=r"(to[1]), "=r"(to[2]), "=r"(to[3])
               : "r"(row));
}
// The same of their transposes: the elements (2 (l % 4), l / 4) and (2 (l % 4) + 1, l / 4).
__device__ __forceinline__ void load_matrices_transposed(SharedAddress row, std::uint32_t (&to)[4]) {
  asm volatile("ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16 {%0, %1, %2, %3}, [%4];"
               : "=r"(to[0]), "=r"(to[1]), "=r"(to[2]), "=r"(to[3])
               : "r"(row));
}

// sums (16 x 8 floats) += a (16 x 16 bf16) b (16 x 8 bf16). With g = l / 4 and t = 2 (l % 4), lane l holds
//   of a     [0] (g, t) (g, t+1)   [1] (g+8, t) (g+8, t+1)   [2] (g, t+8) (g, t+9)   [3] (g+8, t+8) (g+8,
//   t+9) of b     [0] (t, g) (t+1, g)   [1] (t+8, g) (t+9, g) of sums  [0] (g, t)   [1] (g, t+1)   [2] (g+8,
//   t)   [3] (g+8, t+1)
__device__ __forceinline__ void multiply_add(std::uint32_t const (&a)[4], std::uint32_t b0, std::uint32_t b1,
                                             float (&sums)[4]) {
  asm("mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, "
      "{%0, %1, %2, %3};"
      : "+f"(sums[0]), "+f"(sums[1]), "+f"(sums[2]), "+f"(sums[3])
      : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b0), "r"(b1));
}

// Both to the nearest bf16, ties to even.
__device__ __forceinline__ std::uint32_t pack_bf16(float lower, float upper) {
  std::uint32_t both;
  asm("cvt.rn.bf16x2.f32 %0, %1, %2;" : "=r"(both) : "f"(upper), "f"(lower));
  return both;
}
__device__ __forceinline__ float float_of_bits(std::uint32_t bits) { return __uint_as_float(bits); }

// 2^x to two units in the last place; 0 for -inf.
__device__ __forceinline__ float exp2_approximate(float x) {
  float y;
  asm("ex2.approx.ftz.f32 %0, %1;" : "=f"(y) : "f"(x));
  return y;
}

// Blocks, threads of each, and the bytes of shared memory each has.
struct Grid {
  std::size_t blocks;
  int threads;
  std::size_t shared_bytes;
};

inline void check(cudaError_t error, char const* what,
                  std::source_location place = std::source_location::current()) {
  if (error == cudaSuccess) return;
  throw std::runtime_error(std::string(what) + ": " + cudaGetErrorString(error) + " (" + place.file_name() +
                           ":" + std::to_string(place.line()) + ")");
}

template <class... Parameters, class... Arguments>
void launch(char const* label, void (*kernel)(Parameters...), Grid const& grid, cudaStream_t stream,
            Arguments const&... arguments) {
  if (grid.blocks == 0) return;
  if (grid.blocks > 0x7FFFFFFF)
    throw std::runtime_error(std::string(label) + ": more blocks than a GPU takes");
  // Without being asked for, a block gets no more than 48 KiB.
  check(
      cudaFuncSetAttribute(reinterpret_cast<void const*>(kernel), cudaFuncAttributeMaxDynamicSharedMemorySize,
                           static_cast<int>(grid.shared_bytes)),
      label);
  kernel<<<static_cast<unsigned>(grid.blocks), static_cast<unsigned>(grid.threads), grid.shared_bytes,
           stream>>>(arguments...);
  check(cudaGetLastError(), label);
}

}  // namespace atl::kernels::cuda

#endif
