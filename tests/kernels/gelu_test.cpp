// GELU, forward and backward, also where the tanh saturates.
#include "kernels/gelu.hpp"

#include "kernels/reference/gelu.hpp"
#include "operands.hpp"

using namespace atl::kernels;
using namespace atl::kernels::test;

constexpr double tolerance = 2e-6;  // element by element: a few roundings, and 1 - sigmoid near 1

struct Rows {
  std::size_t count, width;
};
Rows const shapes[] = {{1, 1}, {3, 7}, {5, 64}, {2, 771}};

TEST_CASE("gelu equals its twin, forward and backward, also in place") {
  for (auto const& [count, width] : shapes) {
    for (float const amplitude : {1.0F, 5.0F, 200.0F}) {
      INFO(count << " x " << width << " in +-" << amplitude);
      Operand x = random_operand(count * width, 1, amplitude), dh = random_operand(x.size(), 2);
      Operand h = unset(x.size()), dx = unset(x.size());
      gelu_forward(Exec(), x.matrix(count), h.matrix(count));
      CHECK(relative_error(h, reference::gelu_forward(x.values())) < tolerance);
      Operand h_again = unset(x.size());
      gelu_backward(Exec(), dh.matrix(count), x.matrix(count), dx.matrix(count), h_again.matrix(count));
      CHECK(relative_error(dx, reference::gelu_backward(dh.values(), x.values())) < tolerance);
      CHECK(bit_equal(h_again, h));
      gelu_backward(Exec(), dh.matrix(count), x.matrix(count), x.matrix(count), dh.matrix(count));
      CHECK(bit_equal(x, dx));
      CHECK(bit_equal(dh, h));
    }
  }
}

TEST_CASE("gelu passes large numbers, stops large negative ones, and stays a number") {
  Operand x({1e4F, -1e4F, 1e10F, -1e10F, 0.0F}), h = unset(5), dh(5, 1.0F);
  gelu_forward(Exec(), x.matrix(1), h.matrix(1));
  CHECK(relative_error(h, {1e4, 0.0, 1e10, 0.0, 0.0}) < 1e-7);
  gelu_backward(Exec(), dh.matrix(1), x.matrix(1), x.matrix(1), h.matrix(1));
  CHECK(relative_error(x, {1.0, 0.0, 1.0, 0.0, 0.5}) < 1e-7);
}

TEST_CASE("gelu backward is the derivative of its forward") {
  std::size_t const count = 3, width = 7;
  Operand x = random_operand(count * width, 1, 3.0F), dh = random_operand(x.size(), 2), dx = unset(x.size()),
          h = unset(x.size());
  gelu_backward(Exec(), dh.matrix(count), x.matrix(count), dx.matrix(count), h.matrix(count));
  CHECK(relative_error(dx, finite_differences(x.values(), [&](auto const& v) {
                         return dot(reference::gelu_forward(v), dh.values());
                       })) < 1e-6);
}
