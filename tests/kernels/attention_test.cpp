// Attention in blocks against the whole matrix, at contexts around the block sizes and with grouped queries.
#include "kernels/attention.hpp"

#include "attention_cases.hpp"
#include "operands.hpp"

using namespace atl::kernels;
using namespace atl::kernels::test;

constexpr double tolerance = 3e-6;  // sums over at most 330 keys, and of 64 products in each score

AttentionResult attention(AttentionShape const& shape, Floats const& qkv_values, Floats const& dout_values) {
  std::size_t const rows = shape.batch * shape.context;
  Operand qkv(qkv_values), dout(dout_values);
  Operand out = unset(dout.size()), lse = unset(rows * shape.heads), dqkv = unset(qkv.size());
  Operand workspace = unset(attention_workspace_size<float>(shape));
  attention_forward(Exec(), qkv.matrix(rows), shape, workspace.vector(), out.matrix(rows),
                    lse.tensor(shape.batch, shape.heads));
  attention_backward(Exec(), dout.matrix(rows), qkv.matrix(rows), out.matrix(rows),
                     lse.tensor(shape.batch, shape.heads), shape, workspace.vector(), dqkv.matrix(rows));
  Kokkos::fence();
  return {out.floats(), lse.floats(), dqkv.floats()};
}

AttentionShape const shapes[] = {
    {.batch = 1, .context = 1, .heads = 1, .kv_heads = 1, .head_dim = 4},
    {.batch = 2, .context = 17, .heads = 3, .kv_heads = 3, .head_dim = 32},
    {.batch = 3, .context = 64, .heads = 2, .kv_heads = 2, .head_dim = 64},
    {.batch = 1,
     .context = 65,
     .heads = 4,
     .kv_heads = 2,
     .head_dim = 32},  // one row into the second block of queries
    {.batch = 2, .context = 130, .heads = 6, .kv_heads = 2, .head_dim = 16},  // groups of three
    {.batch = 1, .context = 256, .heads = 2, .kv_heads = 1, .head_dim = 64},  // one block of keys, whole
    {.batch = 1, .context = 257, .heads = 2, .kv_heads = 1, .head_dim = 20},  // one key into the second block
    {.batch = 1,
     .context = 330,
     .heads = 1,
     .kv_heads = 1,
     .head_dim = 48}};  // online softmax over two blocks

TEST_CASE("attention in blocks equals attention with the whole matrix, forward and backward") {
  check_against_the_whole_matrix(attention, shapes, false, {tolerance, tolerance, tolerance});
}

TEST_CASE("attention backward is the derivative of its forward") {
  AttentionShape const shape{.batch = 2, .context = 5, .heads = 4, .kv_heads = 2, .head_dim = 6};
  AttentionOperands const operands(shape, 3, 1.0F);
  auto const dout = values_of(operands.dout);
  CHECK(relative_error(attention(shape, operands.qkv, operands.dout).dqkv,
                       finite_differences(values_of(operands.qkv), [&](auto const& v) {
                         return dot(reference::attention_forward(v, shape).out, dout);
                       })) < tolerance);
}

TEST_CASE("attention with scores of a thousand neither overflows nor loses its sums") {
  // A float near 1000 is exact to 3e-5, so its exponential is to 1e-4.
  check_large_scores(attention, {.batch = 1, .context = 300, .heads = 1, .kv_heads = 1, .head_dim = 16},
                     false, {.out = 5e-4, .lse = tolerance, .dqkv = 0.0});
}

TEST_CASE("no position attends to a later one") {
  check_causality(attention, {.batch = 1, .context = 100, .heads = 2, .kv_heads = 1, .head_dim = 8}, 70);
}

TEST_CASE("attention of the same operands has the same bits") {
  AttentionShape const shape{.batch = 2, .context = 100, .heads = 4, .kv_heads = 2, .head_dim = 16};
  AttentionOperands const operands(shape, 1, 1.0F);
  check_same_bits(attention(shape, operands.qkv, operands.dout),
                  attention(shape, operands.qkv, operands.dout));
}
