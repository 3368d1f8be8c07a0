// Numbers of 16 bits, and every kernel that reads or writes them against the twin of its floats.
#include "kernels/bf16.hpp"

#include <bit>

#include "kernels/attention.hpp"
#include "kernels/bias.hpp"
#include "kernels/cross_entropy.hpp"
#include "kernels/gelu.hpp"
#include "kernels/layernorm.hpp"
#include "kernels/matmul.hpp"
#include "kernels/reference/attention.hpp"
#include "kernels/reference/cross_entropy.hpp"
#include "kernels/reference/gelu.hpp"
#include "kernels/reference/layernorm.hpp"
#include "kernels/reference/matmul.hpp"
#include "kernels/reference/rmsnorm.hpp"
#include "kernels/reference/swiglu.hpp"
#include "kernels/rmsnorm.hpp"
#include "kernels/rope.hpp"
#include "kernels/swiglu.hpp"
#include "operands.hpp"

using namespace atl::kernels;
using namespace atl::kernels::test;

constexpr double one_rounding = 0x1p-8;  // of a result, relative to the largest
constexpr double of_floats = 1e-6;       // where the result is of floats, of narrow numbers that are given

TEST_CASE("a float is rounded to the nearest bf16, a tie to the even one") {
  auto const rounded = [](float x) { return static_cast<float>(Bf16(x)); };
  CHECK(rounded(0.0F) == 0.0F);
  CHECK(std::signbit(rounded(-0.0F)));
  CHECK(rounded(-1.5F) == -1.5F);
  CHECK(rounded(1.0F + 0x1p-8F) == 1.0F);                       // between 1 and 1 + 2^-7
  CHECK(rounded(1.0F + 0x1p-8F + 0x1p-20F) == 1.0F + 0x1p-7F);  // just above
  CHECK(rounded(1.0F + 3 * 0x1p-8F) == 1.0F + 2 * 0x1p-7F);     // between 1 + 2^-7 and 1 + 2^-6
  CHECK(rounded(0x1p-133F) == 0x1p-133F);                       // the smallest
  CHECK(rounded(std::numeric_limits<float>::infinity()) == std::numeric_limits<float>::infinity());
  CHECK(rounded(std::numeric_limits<float>::max()) == std::numeric_limits<float>::infinity());
  CHECK(std::isnan(rounded(std::numeric_limits<float>::quiet_NaN())));
  CHECK(std::isnan(rounded(std::bit_cast<float>(0x7F800001U))));  // whose upper half is infinity
  CHECK(std::isnan(rounded(std::bit_cast<float>(0xFFFFFFFFU))));
}

TEST_CASE("products of narrow matrices have sums of floats, and outputs of either number") {
  using Kernel = void (*)(Exec const&, Factor const&, Factor const&, Update, Product const&);
  using Twin = reference::Values (*)(reference::Input, reference::Input, reference::Extents const&);
  struct Transposition {
    Kernel kernel;
    Twin twin;
    bool a_transposed, b_transposed;
  };
  Transposition const transpositions[] = {{matmul_nt, reference::matmul_nt, false, true},
                                          {matmul_nn, reference::matmul_nn, false, false},
                                          {matmul_tn, reference::matmul_tn, true, false}};
  Exec const exec;
  for (Transposition const& t : transpositions) {
    for (reference::Extents const& s :
         {reference::Extents{1, 1, 1}, {7, 5, 3}, {64, 33, 130}, {3, 129, 1}, {130, 64, 17}}) {
      INFO("rows " << s.rows << " cols " << s.cols << " inner " << s.inner);
      auto a = random_narrow(s.rows * s.inner, 1), b = random_narrow(s.inner * s.cols, 2);
      auto const a_view = a.matrix(t.a_transposed ? s.inner : s.rows);
      auto const b_view = b.matrix(t.b_transposed ? s.cols : s.inner);
      auto const expected = t.twin(a.values(), b.values(), s);

      Operand wide = unset(expected.size()), added = random_operand(expected.size(), 3);
      NarrowOperand narrow = unset_narrow(expected.size());
      auto const sum = plus(added.values(), expected);
      t.kernel(exec, a_view, b_view, Update::overwrite, wide.matrix(s.rows));
      t.kernel(exec, a_view, b_view, Update::add, added.matrix(s.rows));
      t.kernel(exec, a_view, b_view, Update::overwrite, narrow.matrix(s.rows));
      CHECK(relative_error(wide, expected) < of_floats);
      CHECK(relative_error(added, sum) < of_floats);
      CHECK(relative_error(narrow, expected) < one_rounding);
    }
  }
}

TEST_CASE("products read and write ranges of columns of narrow matrices") {
  std::size_t const n = 9, m = 6, k = 5, first = 4;
  auto wide = random_narrow(n * (first + k), 1), weight = random_narrow(m * k, 2);
  NarrowOperand out(n * (first + m), 7.0F);
  matmul_nt(Exec(), columns(wide.matrix(n), first, k), weight.matrix(m), Update::overwrite,
            columns(out.matrix(n), first, m));
  reference::Values part;
  auto const all = wide.values();
  for (std::size_t i = 0; i < all.size(); ++i) {
    if (i % (first + k) >= first) part.push_back(all[i]);
  }
  auto const product = reference::matmul_nt(part, weight.values(), {n, m, k});
  reference::Values expected(out.size(), 7.0);
  for (std::size_t i = 0; i < product.size(); ++i) expected[i / m * (first + m) + first + i % m] = product[i];
  CHECK(relative_error(out, expected) < one_rounding);
}

TEST_CASE("a product of a narrow matrix and one of floats is refused") {
  auto narrow = random_narrow(6, 1);
  Operand wide = random_operand(6, 2), out = unset(4);
  CHECK_THROWS_WITH(matmul_nt(Exec(), narrow.matrix(2), wide.matrix(2), Update::overwrite, out.matrix(2)),
                    ContainsSubstring("numbers"));
}

TEST_CASE("attention of narrow queries, keys and values") {
  for (AttentionShape const& shape :
       {AttentionShape{.batch = 1, .context = 1, .heads = 1, .kv_heads = 1, .head_dim = 4},
        {.batch = 2, .context = 17, .heads = 3, .kv_heads = 3, .head_dim = 32},
        {.batch = 2, .context = 130, .heads = 6, .kv_heads = 2, .head_dim = 16},
        {.batch = 1, .context = 330, .heads = 2, .kv_heads = 1, .head_dim = 48}}) {
    INFO("T " << shape.context << " H " << shape.heads << " G " << shape.kv_heads);
    std::size_t const rows = shape.batch * shape.context;
    auto qkv = random_narrow(rows * shape.qkv_width(), 1, 2.0F);
    auto dout = random_narrow(rows * shape.heads * shape.head_dim, 2);
    auto out = unset_narrow(dout.size()), dqkv = unset_narrow(qkv.size());
    Operand lse = unset(rows * shape.heads), workspace = unset(attention_workspace_size<Bf16>(shape));
    attention_forward(Exec(), qkv.matrix(rows), shape, workspace.vector(), out.matrix(rows),
                      lse.tensor(shape.batch, shape.heads));
    attention_backward(Exec(), dout.matrix(rows), qkv.matrix(rows), out.matrix(rows),
                       lse.tensor(shape.batch, shape.heads), shape, workspace.vector(), dqkv.matrix(rows));
    auto const expected = reference::attention_forward(qkv.values(), shape);
    // Probabilities are rounded before they weigh values, and so are results.
    CHECK(relative_error(out, expected.out) < 2 * one_rounding);
    CHECK(relative_error(lse, expected.lse) < of_floats * 3);
    CHECK(relative_error(dqkv, reference::attention_backward(dout.values(), qkv.values(), shape)) <
          4 * one_rounding);
  }
}

TEST_CASE("norms of floats write narrow rows") {
  std::size_t const count = 5, width = 67;
  Operand x = random_operand(count * width, 1), branch = random_operand(count * width, 2),
          weight = random_operand(width, 3), bias = random_operand(width, 4);
  Operand sum = unset(x.size()), mean = unset(count), inv = unset(count);
  auto y = unset_narrow(x.size());
  auto const both = plus(x.values(), branch.values());

  residual_layernorm_forward(Exec(), x.matrix(count), branch.matrix(count), weight.vector(), bias.vector(),
                             1e-5F, sum.matrix(count), y.matrix(count), mean.vector(), inv.vector());
  CHECK(relative_error(y, reference::layernorm_forward(both, weight.values(), bias.values(), 1e-5).y) <
        one_rounding);
  residual_rmsnorm_forward(Exec(), x.matrix(count), branch.matrix(count), weight.vector(), 1e-5F,
                           sum.matrix(count), y.matrix(count), inv.vector());
  CHECK(relative_error(y, reference::rmsnorm_forward(both, weight.values(), 1e-5).y) < one_rounding);
  CHECK(relative_error(sum, both) < of_floats);
}

TEST_CASE("activation functions of narrow rows, forward and backward") {
  std::size_t const count = 3, width = 71;
  auto gate_up = random_narrow(count * 2 * width, 1, 4.0F), dh = random_narrow(count * width, 2);
  auto h = unset_narrow(dh.size()), h_again = unset_narrow(dh.size()),
       dgate_up = unset_narrow(gate_up.size());
  swiglu_forward(Exec(), gate_up.matrix(count), h.matrix(count));
  swiglu_backward(Exec(), dh.matrix(count), gate_up.matrix(count), dgate_up.matrix(count),
                  h_again.matrix(count));
  CHECK(h_again.values() == h.values());
  CHECK(relative_error(h, reference::swiglu_forward(gate_up.values(), width)) < one_rounding);
  CHECK(relative_error(dgate_up, reference::swiglu_backward(dh.values(), gate_up.values(), width)) <
        one_rounding);

  auto x = random_narrow(count * width, 3, 4.0F), dx = unset_narrow(dh.size());
  gelu_forward(Exec(), x.matrix(count), h.matrix(count));
  gelu_backward(Exec(), dh.matrix(count), x.matrix(count), dx.matrix(count), h_again.matrix(count));
  CHECK(h_again.values() == h.values());
  CHECK(relative_error(h, reference::gelu_forward(x.values())) < one_rounding);
  CHECK(relative_error(dx, reference::gelu_backward(dh.values(), x.values())) < one_rounding);
}

TEST_CASE("biases of floats and narrow rows") {
  std::size_t const count = 6, width = 70;
  Operand bias = random_operand(width, 1), dbias = random_operand(width, 2);
  auto y = random_narrow(count * width, 3);
  auto expected = y.values();
  for (std::size_t i = 0; i < expected.size(); ++i) expected[i] += bias.values()[i % width];
  auto dexpected = dbias.values();
  for (std::size_t i = 0; i < expected.size(); ++i) dexpected[i % width] += y.values()[i];
  bias_backward(Exec(), y.matrix(count), dbias.matrix(1));
  CHECK(relative_error(dbias, dexpected) < of_floats);
  bias_forward(Exec(), bias.matrix(1), y.matrix(count));
  CHECK(relative_error(y, expected) < one_rounding);
}

TEST_CASE("a rotation of narrow heads is undone by the rotation back, to two roundings") {
  std::size_t const context = 9, width = 4 * 32;
  Operand cosine = unset(context * 16), sine = unset(context * 16);
  rope_tables(Exec(), 10000.0, cosine.matrix(context), sine.matrix(context));
  auto x = random_narrow(2 * context * width, 1);
  auto const before = x.values();
  rope_forward(Exec(), cosine.matrix(context), sine.matrix(context), context, x.matrix(2 * context));
  CHECK(relative_error(x, before) > 0.1);
  rope_backward(Exec(), cosine.matrix(context), sine.matrix(context), context, x.matrix(2 * context));
  CHECK(relative_error(x, before) < 3 * one_rounding);
}

TEST_CASE("the gradient of logits of floats is narrow where it is asked for so") {
  std::vector<std::int32_t> const targets = {5, -1, 0, 99};
  std::size_t const count = targets.size(), vocabulary = 100;
  Operand logits = random_operand(count * vocabulary, 1, 5.0F), loss = unset(count);
  auto dlogits = unset_narrow(logits.size());
  auto const expected = reference::cross_entropy_forward(logits.values(), targets);
  auto const dexpected = reference::cross_entropy_backward(logits.values(), targets, 0.25);
  cross_entropy_forward_backward(Exec(), view_of(targets), 0.25F, logits.matrix(count), dlogits.matrix(count),
                                 loss.vector());
  CHECK(relative_error(loss, expected) < of_floats);
  CHECK(relative_error(dlogits, dexpected) < one_rounding);
}
