// Vectors added to rows in turn: biases (one vector) and learned positions (one for each position).
#include "kernels/bias.hpp"

#include "kernels/reference/bias.hpp"
#include "operands.hpp"

using namespace atl::kernels;
using namespace atl::kernels::test;

struct Shape {
  std::size_t sequences, period, width;
};
Shape const shapes[] = {{1, 1, 1}, {70, 1, 64}, {33, 1, 257}, {3, 5, 31}, {1, 12, 100}};

TEST_CASE("a bias is added to its rows, and its gradient is the sum over them") {
  for (auto const& [sequences, period, width] : shapes) {
    INFO(sequences << " x " << period << " x " << width);
    std::size_t const count = sequences * period, size = period * width;
    Operand bias = random_operand(size, 1), y = random_operand(count * width, 2);
    auto const sum = reference::bias_forward(y.values(), bias.values());
    bias_forward(Exec(), bias.matrix(period), y.matrix(count));
    CHECK(relative_error(y, sum) < 1e-7);

    Operand dy = random_operand(count * width, 3), dbias = random_operand(size, 4), again = dbias;
    auto const expected = plus(dbias.values(), reference::bias_backward(dy.values(), size));
    bias_backward(Exec(), dy.matrix(count), dbias.matrix(period));
    CHECK(relative_error(dbias, expected) < 2e-7);
    bias_backward(Exec(), dy.matrix(count), again.matrix(period));
    CHECK(bit_equal(dbias, again));
  }
}

TEST_CASE("a bias of some columns leaves the others alone") {
  std::size_t const count = 4, width = 3;
  Operand y(count * 2 * width, 1.0F), bias(width, 2.0F), dbias(width, 0.0F);
  bias_forward(Exec(), bias.matrix(1), columns(y.matrix(count), width, width));
  CHECK(relative_error(y, {1, 1, 1, 3, 3, 3, 1, 1, 1, 3, 3, 3, 1, 1, 1, 3, 3, 3, 1, 1, 1, 3, 3, 3}) == 0.0);
  bias_backward(Exec(), columns(y.matrix(count), width, width), dbias.matrix(1));
  CHECK(dbias.floats() == std::vector<float>(width, 12.0F));
}

TEST_CASE("bias backward is the derivative of its forward") {
  std::size_t const count = 6, period = 3, width = 4;
  Operand bias = random_operand(period * width, 1), dy = random_operand(count * width, 2);
  Operand dbias(bias.size(), 0.0F);
  reference::Values const y = random_operand(dy.size(), 3).values();
  bias_backward(Exec(), dy.matrix(count), dbias.matrix(period));
  CHECK(relative_error(dbias, finite_differences(bias.values(), [&](auto const& v) {
                         return dot(reference::bias_forward(y, v), dy.values());
                       })) < 1e-6);
}
