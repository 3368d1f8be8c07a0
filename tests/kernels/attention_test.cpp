// Attention in blocks against the whole matrix, at contexts around the block sizes and with grouped queries.
#include "kernels/attention.hpp"

#include "kernels/reference/attention.hpp"
#include "operands.hpp"

using namespace atl::kernels;
using namespace atl::kernels::test;

constexpr double tolerance = 3e-6;  // sums over at most 330 keys, and of 64 products in each score

struct Run {
  Run(AttentionShape const& s, std::uint32_t seed, float amplitude)
      : shape(s),
        rows(s.batch * s.context),
        qkv(random_operand(rows * s.qkv_width(), seed, amplitude)),
        dout(random_operand(rows * s.heads * s.head_dim, seed + 1)),
        out(unset(dout.size())),
        lse(unset(rows * s.heads)),
        dqkv(unset(qkv.size())),
        workspace(unset(attention_workspace_size<float>(s))) {
    attention_forward(Exec(), qkv.matrix(rows), shape, workspace.vector(), out.matrix(rows),
                      lse.tensor(shape.batch, shape.heads));
    attention_backward(Exec(), dout.matrix(rows), qkv.matrix(rows), out.matrix(rows),
                       lse.tensor(shape.batch, shape.heads), shape, workspace.vector(), dqkv.matrix(rows));
  }
  AttentionShape shape;
  std::size_t rows;
  Operand qkv, dout, out, lse, dqkv, workspace;
};

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
  for (AttentionShape const& shape : shapes) {
    INFO("B " << shape.batch << " T " << shape.context << " H " << shape.heads << " G " << shape.kv_heads
              << " D " << shape.head_dim);
    Run const run(shape, 1, 2.0F);
    auto const expected = reference::attention_forward(run.qkv.values(), shape);
    CHECK(relative_error(run.out, expected.out) < tolerance);
    CHECK(relative_error(run.lse, expected.lse) < tolerance);
    auto const dqkv = reference::attention_backward(run.dout.values(), run.qkv.values(), shape);
    CHECK(relative_error(run.dqkv, dqkv) < tolerance);
  }
}

TEST_CASE("attention backward is the derivative of its forward") {
  AttentionShape const shape{.batch = 2, .context = 5, .heads = 4, .kv_heads = 2, .head_dim = 6};
  Run const run(shape, 3, 1.0F);
  CHECK(relative_error(run.dqkv, finite_differences(run.qkv.values(), [&](auto const& v) {
                         return dot(reference::attention_forward(v, shape).out, run.dout.values());
                       })) < tolerance);
}

TEST_CASE("attention with scores of a thousand neither overflows nor loses its sums") {
  // Later keys bring larger maxima, so that what the first block of keys left is shrunk to nothing.
  AttentionShape const shape{.batch = 1, .context = 300, .heads = 1, .kv_heads = 1, .head_dim = 16};
  Run const run(shape, 5, 40.0F);
  auto const expected = reference::attention_forward(run.qkv.values(), shape);
  CHECK(*std::max_element(expected.lse.begin(), expected.lse.end()) > 1000.0);
  // A float near 1000 is exact to 3e-5, so its exponential is to 1e-4.
  CHECK(relative_error(run.out, expected.out) < 5e-4);
  CHECK(relative_error(run.lse, expected.lse) < tolerance);
}

TEST_CASE("no position attends to a later one") {
  AttentionShape const shape{.batch = 1, .context = 100, .heads = 2, .kv_heads = 1, .head_dim = 8};
  std::size_t const changed = 70;
  Run const before(shape, 7, 1.0F);
  auto values = before.qkv.floats();
  for (std::size_t c = 0; c < shape.qkv_width(); ++c) values[changed * shape.qkv_width() + c] += 1.0F;
  Operand qkv(values);
  Operand out = unset(before.out.size()), lse = unset(before.lse.size()), workspace = before.workspace;
  attention_forward(Exec(), qkv.matrix(shape.context), shape, workspace.vector(), out.matrix(shape.context),
                    lse.tensor(shape.batch, shape.heads));
  std::size_t const width = shape.heads * shape.head_dim;
  auto const now = out.floats(), then = before.out.floats();
  for (std::size_t i = 0; i < out.size(); ++i) {
    INFO("position " << i / width);
    CHECK((now[i] == then[i]) == (i / width < changed));
  }
}

TEST_CASE("attention of the same operands has the same bits") {
  AttentionShape const shape{.batch = 2, .context = 100, .heads = 4, .kv_heads = 2, .head_dim = 16};
  Run const once(shape, 1, 1.0F), twice(shape, 1, 1.0F);
  CHECK(bit_equal(once.out, twice.out));
  CHECK(bit_equal(once.lse, twice.lse));
  CHECK(bit_equal(once.dqkv, twice.dqkv));
}
