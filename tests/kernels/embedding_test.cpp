// Rows looked up by token, and their gradient.
#include "kernels/embedding.hpp"

#include "kernels/reference/embedding.hpp"
#include "operands.hpp"

using namespace atl::kernels;
using namespace atl::kernels::test;

constexpr std::size_t vocabulary = 11;

TEST_CASE("embedding forward copies the rows of the tokens") {
  for (std::size_t const width : {1, 31, 256, 300}) {
    INFO("width " << width);
    auto const tokens = random_tokens(37, vocabulary, 1);
    Operand table = random_operand(vocabulary * width, 2), x = unset(tokens.size() * width);
    embedding_forward(Exec(), view_of(tokens), table.matrix(vocabulary), x.matrix(tokens.size()));
    CHECK(relative_error(x, reference::embedding_forward(tokens, table.values(), width)) == 0.0);
  }
}

TEST_CASE("embedding backward adds to the rows of the tokens, however often a token occurs") {
  for (std::size_t const width : {1, 31, 256, 300}) {
    INFO("width " << width);
    auto const tokens = random_tokens(37, vocabulary, 1);  // 37 tokens of 11: every row more than once
    Operand dx = random_operand(tokens.size() * width, 2), dtable = random_operand(vocabulary * width, 3);
    Operand again = dtable;
    reference::Values const expected =
        plus(dtable.values(), reference::embedding_backward(tokens, dx.values(), vocabulary));
    embedding_backward(Exec(), view_of(tokens), dx.matrix(tokens.size()), dtable.matrix(vocabulary));
    CHECK(relative_error(dtable, expected) < 5e-7);
    embedding_backward(Exec(), view_of(tokens), dx.matrix(tokens.size()), again.matrix(vocabulary));
    CHECK(bit_equal(dtable, again));
  }
}

TEST_CASE("embedding backward is the derivative of its forward") {
  std::size_t const width = 3;
  auto const tokens = random_tokens(9, vocabulary, 1);
  Operand table = random_operand(vocabulary * width, 2), dx = random_operand(tokens.size() * width, 3);
  Operand dtable(table.size(), 0.0F);
  embedding_backward(Exec(), view_of(tokens), dx.matrix(tokens.size()), dtable.matrix(vocabulary));
  CHECK(relative_error(dtable, finite_differences(table.values(), [&](reference::Values const& t) {
                         return dot(reference::embedding_forward(tokens, t, width), dx.values());
                       })) < 1e-6);
}
