// CUDA on a host without a GPU, for tests: the words of CUDA and of kernels/cuda/words.hpp that kernels are
// written in, with the meaning that PTX's documentation gives them. Include this, then a kernel's source.
//
// A block's threads are fibers of one thread, which run until they wait for others. What a GPU leaves to
// chance is made to show: shared memory begins as NaNs; a copy turns its target into NaNs when it is started
// and arrives as late as is allowed; and warps may run in two orders, each as far ahead of the others as
// barriers let it. What a GPU would not survive is thrown as std::logic_error: a barrier that not all threads
// reach, addresses that are not aligned or not in shared memory, copies that nobody waited for.
#pragma once

#define ATOLL_EMULATES_CUDA

#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <functional>

#include "kernels/cuda/attention.hpp"

// NOLINTBEGIN(bugprone-reserved-identifier)
#define ATOLL_UNROLL
#define ATOLL_KEEP_ROLLED
#define __global__
#define __device__
#define __host__
#define __forceinline__ inline
#define __launch_bounds__(...)

struct float2 {
  float x, y;
};
struct alignas(16) float4 {
  float x, y, z, w;
};
struct alignas(16) uint4 {
  std::uint32_t x, y, z, w;
};
inline float2 make_float2(float x, float y) { return {x, y}; }

namespace atl::kernels::cuda {

struct Grid {
  std::size_t blocks;
  int threads;
  std::size_t shared_bytes;
};

namespace emulation {

struct Index {
  unsigned x;
};
inline Index thread_index, block_index;  // of the thread that runs

enum class Order { ascending, descending };  // of blocks, and of a block's threads where several could go on
inline Order order = Order::ascending;

// Times that lanes of one warp wanted different rows of one bank from load_matrices(), which then takes
// longer.
inline std::size_t bank_conflicts = 0;

// Runs every thread of every block.
void run(Grid const& grid, std::function<void()> const& thread);

// Waits until all threads of the block are here.
void meet_block();

// Waits until all lanes of the warp are here, with the same `exchange`. It is called once, with what each
// lane brought.
using Exchange = void (*)(void* const (&brought)[32]);
void meet_warp(Exchange exchange, void* brought);

unsigned char* shared_memory();
void start_copy(void* to, void const* from, std::size_t bytes, bool is_there);
void finish_copies();

void load_matrices(void* const (&brought)[32]);
void load_matrices_transposed(void* const (&brought)[32]);
struct Load {
  void const* row;
  std::uint32_t to[4];
};

void multiply_add(void* const (&brought)[32]);
struct MultiplyAdd {
  std::uint32_t a[4], b[2];
  float sums[4];
};

void shuffle(void* const (&brought)[32]);
struct Shuffle {
  float value;
  int from;
  float result;
};
inline float shuffled(float value, int from) {
  Shuffle brought{value, from, 0.0F};
  meet_warp(shuffle, &brought);
  return brought.result;
}

}  // namespace emulation

inline unsigned char* shared_memory() { return emulation::shared_memory(); }

using SharedAddress = std::uintptr_t;
inline SharedAddress shared_address(void const* place) { return reinterpret_cast<SharedAddress>(place); }

inline void start_copy_16(void* to, void const* from, bool is_there) {
  emulation::start_copy(to, from, 16, is_there);
}
inline void start_copy_4(void* to, void const* from, bool is_there) {
  emulation::start_copy(to, from, 4, is_there);
}
inline void finish_copies() { emulation::finish_copies(); }

inline void load_matrices(SharedAddress row, std::uint32_t (&to)[4]) {
  emulation::Load brought{reinterpret_cast<void const*>(row), {}};
  emulation::meet_warp(emulation::load_matrices, &brought);
  for (int i = 0; i < 4; ++i) to[i] = brought.to[i];
}
inline void load_matrices_transposed(SharedAddress row, std::uint32_t (&to)[4]) {
  emulation::Load brought{reinterpret_cast<void const*>(row), {}};
  emulation::meet_warp(emulation::load_matrices_transposed, &brought);
  for (int i = 0; i < 4; ++i) to[i] = brought.to[i];
}
inline void multiply_add(std::uint32_t const (&a)[4], std::uint32_t b0, std::uint32_t b1, float (&sums)[4]) {
  emulation::MultiplyAdd brought{{a[0], a[1], a[2], a[3]}, {b0, b1}, {sums[0], sums[1], sums[2], sums[3]}};
  emulation::meet_warp(emulation::multiply_add, &brought);
  for (int i = 0; i < 4; ++i) sums[i] = brought.sums[i];
}

std::uint32_t pack_bf16(float lower, float upper);
inline float float_of_bits(std::uint32_t bits) { return std::bit_cast<float>(bits); }
inline float exp2_approximate(float x) { return std::exp2(x); }

template <class... Parameters, class... Arguments>
void launch(char const*, void (*kernel)(Parameters...), Grid const& grid, Stream,
            Arguments const&... arguments) {
  emulation::run(grid, [&] { kernel(arguments...); });
}

}  // namespace atl::kernels::cuda

#define threadIdx (::atl::kernels::cuda::emulation::thread_index)
#define blockIdx (::atl::kernels::cuda::emulation::block_index)

inline void __syncthreads() { atl::kernels::cuda::emulation::meet_block(); }
inline float __shfl_sync(unsigned, float value, int from, int width) {
  int const lane = static_cast<int>(threadIdx.x) % 32;
  return atl::kernels::cuda::emulation::shuffled(value, lane / width * width + from % width);
}
inline float __shfl_xor_sync(unsigned, float value, int mask) {
  return atl::kernels::cuda::emulation::shuffled(value, (static_cast<int>(threadIdx.x) % 32) ^ mask);
}
// NOLINTEND(bugprone-reserved-identifier)
