// The emulation itself: what it computes against the plain sum, and what it must refuse.
#include "emulation.hpp"

#include <vector>

#include "kernels/comparison.hpp"

using namespace atl::kernels::cuda;
using namespace atl::kernels::test;

namespace {

Bf16Bits bits_of(float x) { return static_cast<Bf16Bits>(pack_bf16(x, 0.0F)); }
float float_of(Bf16Bits bits) { return float_of_bits(static_cast<std::uint32_t>(bits) << 16U); }

// c (16 x 8) = a (16 x 16) b (16 x 8), b once as it is and once transposed: as PTX lays out what a warp
// holds.
void multiply_matrices(Bf16Bits const* a, Bf16Bits const* b, bool b_is_transposed, float* c) {
  int const l = static_cast<int>(threadIdx.x);
  auto* const shared = reinterpret_cast<Bf16Bits*>(shared_memory());
  for (int i = l; i < 16 * 16; i += 32) shared[i] = a[i];
  for (int i = l; i < 16 * 8; i += 32) shared[256 + i] = b[i];
  __syncthreads();
  std::uint32_t left[4], right[4];
  load_matrices(shared_address(shared + l % 16 * 16 + l / 16 * 8), left);
  if (b_is_transposed) {  // 8 x 16
    load_matrices(shared_address(shared + 256 + l % 8 * 16 + l / 8 % 2 * 8), right);
  } else {
    load_matrices_transposed(shared_address(shared + 256 + l % 16 * 8), right);
  }
  float sums[4] = {};
  multiply_add(left, right[0], right[1], sums);
  for (int i = 0; i < 4; ++i) c[(l / 4 + i / 2 * 8) * 8 + 2 * (l % 4) + i % 2] = sums[i];
}

void wait_by_half() {
  if (threadIdx.x < 32) __syncthreads();
}
void do_different_things() {
  float x = 0.0F;
  std::uint32_t to[4];
  if (threadIdx.x % 2 == 0) {
    x = __shfl_xor_sync(~0U, x, 1);
  } else {
    load_matrices(shared_address(shared_memory()), to);
  }
}
void forget_a_copy(float const* from) { start_copy_16(shared_memory() + 16 * threadIdx.x, from, true); }
void copy_to(int begin, float const* from) {
  start_copy_16(shared_memory() + begin + 16 * threadIdx.x, from, true);
  finish_copies();
}
void read_too_early(float const* from, float* seen) {
  auto* const shared = reinterpret_cast<float*>(shared_memory());
  start_copy_4(shared + threadIdx.x, from + threadIdx.x, true);
  seen[threadIdx.x] = shared[threadIdx.x];
  finish_copies();
  seen[32 + threadIdx.x] = shared[threadIdx.x];
}

}  // namespace

TEST_CASE("an emulated warp multiplies what it loads from shared memory") {
  auto const a = random_floats(256, 1, 1.0F), b = random_floats(128, 2, 1.0F);
  for (bool const is_transposed : {false, true}) {
    std::vector<Bf16Bits> left, right;
    for (float const x : a) left.push_back(bits_of(x));
    for (float const x : b) right.push_back(bits_of(x));
    std::vector<float> c(128);
    launch("multiply", multiply_matrices, {1, 32, 1024}, nullptr, left.data(), right.data(), is_transposed,
           c.data());
    atl::kernels::reference::Values expected(128, 0.0);
    for (int i = 0; i < 16; ++i) {
      for (int j = 0; j < 8; ++j) {
        for (int k = 0; k < 16; ++k) {
          expected[8 * i + j] += static_cast<double>(float_of(left[16 * i + k])) *
                                 static_cast<double>(float_of(right[is_transposed ? 16 * j + k : 8 * k + j]));
        }
      }
    }
    CHECK(relative_error(c, expected) < 1e-7);
  }
}

TEST_CASE("a barrier that half of an emulated block does not reach is reported") {
  CHECK_THROWS_WITH(launch("", wait_by_half, {1, 64, 0}, nullptr), ContainsSubstring("never come"));
}

TEST_CASE("emulated lanes that do different things together are reported") {
  CHECK_THROWS_WITH(launch("", do_different_things, {1, 32, 512}, nullptr),
                    ContainsSubstring("different things"));
}

TEST_CASE("an emulated copy arrives when it is waited for, and must be") {
  std::vector<float> const from(32, 1.0F);
  CHECK_THROWS_WITH(launch("", forget_a_copy, {1, 32, 512}, nullptr, from.data()),
                    ContainsSubstring("before its copies"));
  CHECK_NOTHROW(launch("", copy_to, {1, 32, 512}, nullptr, 0, from.data()));
  CHECK_THROWS_WITH(launch("", copy_to, {1, 32, 528}, nullptr, 4, from.data()), ContainsSubstring("aligned"));
  CHECK_THROWS_WITH(launch("", copy_to, {1, 32, 512}, nullptr, 16, from.data()),
                    ContainsSubstring("shared memory"));
  std::vector<float> seen(64);
  launch("", read_too_early, {1, 32, 512}, nullptr, from.data(), seen.data());
  CHECK(std::isnan(seen[5]));
  CHECK(seen[32 + 5] == 1.0F);
}
