// The attention kernels for NVIDIA GPUs, on an emulated one: what the tests of the host's attention ask for,
// at contexts around the blocks of 64 and 128 rows and of 32 and 64 columns, at every width.
#include "attention_cases.hpp"
#include "cuda/emulation.hpp"
#include "kernels/cuda/attention.hpp"

using namespace atl::kernels;
using namespace atl::kernels::test;

namespace {

// The numbers of a kernel: what tests give it and read from it.
template <class Real>
struct Numbers;
template <>
struct Numbers<float> {
  static constexpr float unset = NAN;
  static float narrow(float x) { return x; }
  static float widen(float x) { return x; }
};
template <>
struct Numbers<cuda::Bf16Bits> {
  static constexpr cuda::Bf16Bits unset = 0xFFFF;
  static cuda::Bf16Bits narrow(float x) { return static_cast<cuda::Bf16Bits>(cuda::pack_bf16(x, 0.0F)); }
  static float widen(cuda::Bf16Bits x) { return cuda::float_of_bits(static_cast<std::uint32_t>(x) << 16U); }
};

// A skew of operands: elements between them and a multiple of 16 bytes.
template <class Real, int Skew = 0>
AttentionResult attention(AttentionShape const& shape, Floats const& qkv_values, Floats const& dout_values) {
  std::vector<Real> qkv(Skew), dout(Skew), out(Skew + dout_values.size(), Numbers<Real>::unset),
      dqkv(Skew + qkv_values.size(), Numbers<Real>::unset);
  for (float const x : qkv_values) qkv.push_back(Numbers<Real>::narrow(x));
  for (float const x : dout_values) dout.push_back(Numbers<Real>::narrow(x));
  Floats lse(shape.batch * shape.heads * shape.context, NAN);
  Floats workspace(cuda::attention_workspace_size(shape), NAN);
  cuda::attention_forward<Real>(nullptr, shape,
                                {.qkv = qkv.data() + Skew, .out = out.data() + Skew, .lse = lse.data()});
  cuda::attention_backward<Real>(nullptr, shape,
                                 {.dout = dout.data() + Skew,
                                  .qkv = qkv.data() + Skew,
                                  .out = out.data() + Skew,
                                  .lse = lse.data(),
                                  .workspace = workspace.data(),
                                  .dqkv = dqkv.data() + Skew});
  AttentionResult result{{}, lse, {}};
  for (std::size_t i = Skew; i < out.size(); ++i) result.out.push_back(Numbers<Real>::widen(out[i]));
  for (std::size_t i = Skew; i < dqkv.size(); ++i) result.dqkv.push_back(Numbers<Real>::widen(dqkv[i]));
  return result;
}

constexpr double of_floats = 3e-6;  // sums over at most 257 keys, and of 128 products in each score
constexpr Tolerance of_fp32 = {of_floats, of_floats, of_floats};
// Probabilities are rounded before they weigh values, score gradients before they weigh keys, and so are
// results.
constexpr double one_rounding = 0x1p-8;
constexpr Tolerance of_bf16 = {one_rounding, of_floats, 1.5 * one_rounding};

AttentionShape const shapes[] = {
    {.batch = 2, .context = 1, .heads = 2, .kv_heads = 1, .head_dim = 32},
    {.batch = 2, .context = 17, .heads = 3, .kv_heads = 3, .head_dim = 32},
    {.batch = 1, .context = 64, .heads = 4, .kv_heads = 2, .head_dim = 64},
    {.batch = 1, .context = 100, .heads = 2, .kv_heads = 1, .head_dim = 64},
    {.batch = 1, .context = 160, .heads = 1, .kv_heads = 1, .head_dim = 128},
    {.batch = 1, .context = 100, .heads = 4, .kv_heads = 2, .head_dim = 128},
    {.batch = 1, .context = 160, .heads = 2, .kv_heads = 2, .head_dim = 32},
    {.batch = 1, .context = 257, .heads = 3, .kv_heads = 1, .head_dim = 64},
    {.batch = 1, .context = 70, .heads = 2, .kv_heads = 1, .head_dim = 96},   // copied by chunks, 32 of zeros
    {.batch = 1, .context = 33, .heads = 2, .kv_heads = 1, .head_dim = 20},   // bf16: chunks begin askew
    {.batch = 1, .context = 33, .heads = 2, .kv_heads = 1, .head_dim = 41}};  // and pairs

}  // namespace

TEST_CASE("emulated attention of floats equals attention with the whole matrix") {
  check_against_the_whole_matrix(attention<float>, shapes, false, of_fp32);
}

TEST_CASE("emulated attention of bf16 equals attention with the whole matrix") {
  check_against_the_whole_matrix(attention<cuda::Bf16Bits>, shapes, true, of_bf16);
}

TEST_CASE("emulated attention takes operands that begin anywhere") {
  AttentionShape const one[] = {{.batch = 1, .context = 33, .heads = 2, .kv_heads = 1, .head_dim = 64}};
  check_against_the_whole_matrix(attention<float, 1>, one, false, of_fp32);
  check_against_the_whole_matrix(attention<cuda::Bf16Bits, 3>, one, true, of_bf16);
}

TEST_CASE("emulated attention with scores of a thousand neither overflows nor loses its sums") {
  AttentionShape const shape{.batch = 1, .context = 150, .heads = 1, .kv_heads = 1, .head_dim = 16};
  // A float near 1000 is exact to 3e-5, so its exponential is to 1e-4.
  check_large_scores(attention<float>, shape, false, {.out = 5e-4, .lse = of_floats, .dqkv = 0.0});
  check_large_scores(attention<cuda::Bf16Bits>, shape, true,
                     {.out = 2 * one_rounding, .lse = of_floats, .dqkv = 0.0});
}

TEST_CASE("no position of emulated attention attends to a later one") {
  AttentionShape const shape{.batch = 1, .context = 100, .heads = 2, .kv_heads = 1, .head_dim = 32};
  check_causality(attention<float>, shape, 70);
  check_causality(attention<cuda::Bf16Bits>, shape, 70);
}

TEST_CASE("emulated attention has the same bits whichever warp runs ahead") {
  AttentionShape const shape{.batch = 1, .context = 160, .heads = 2, .kv_heads = 1, .head_dim = 64};
  AttentionOperands const operands(shape, 1, 1.0F, true);
  auto const both_orders = [&](Attention run) {
    auto const once = run(shape, operands.qkv, operands.dout);
    cuda::emulation::order = cuda::emulation::Order::descending;
    auto const twice = run(shape, operands.qkv, operands.dout);
    cuda::emulation::order = cuda::emulation::Order::ascending;
    check_same_bits(once, twice);
  };
  both_orders(attention<float>);
  both_orders(attention<cuda::Bf16Bits>);
}

TEST_CASE("emulated attention of bf16 reads shared memory without bank conflicts") {
  cuda::emulation::bank_conflicts = 0;
  for (std::size_t const head_dim : {32, 64, 128}) {
    AttentionShape const shape{.batch = 1, .context = 70, .heads = 1, .kv_heads = 1, .head_dim = head_dim};
    AttentionOperands const operands(shape, 1, 1.0F, true);
    attention<cuda::Bf16Bits>(shape, operands.qkv, operands.dout);
  }
  CHECK(cuda::emulation::bank_conflicts == 0);
}

TEST_CASE("emulated attention refuses heads that are too wide, and heads without keys") {
  AttentionShape shape{.batch = 1, .context = 3, .heads = 2, .kv_heads = 1, .head_dim = 129};
  CHECK_THROWS_WITH(attention<float>(shape, Floats(3 * 4 * 129), Floats(3 * 2 * 129)),
                    ContainsSubstring("head_dim is 129"));
  shape = {.batch = 1, .context = 3, .heads = 3, .kv_heads = 2, .head_dim = 4};
  CHECK_THROWS_WITH(attention<float>(shape, Floats(3 * 7 * 4), Floats(3 * 3 * 4)),
                    ContainsSubstring("kv_heads"));
}
