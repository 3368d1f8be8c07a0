// The gated activation, forward and backward, also where the sigmoid saturates.
#include "kernels/swiglu.hpp"

#include "kernels/reference/swiglu.hpp"
#include "operands.hpp"

using namespace atl::kernels;
using namespace atl::kernels::test;

constexpr double tolerance = 1e-6;  // element by element: a few roundings

struct Rows {
  std::size_t count, width;
};
Rows const shapes[] = {{1, 1}, {3, 7}, {5, 64}, {2, 771}};

TEST_CASE("swiglu equals its twin, forward and backward, also in place") {
  for (auto const& [count, width] : shapes) {
    for (float const amplitude : {1.0F, 200.0F}) {
      INFO(count << " x " << width << " in +-" << amplitude);
      Operand gate_up = random_operand(count * 2 * width, 1, amplitude),
              dh = random_operand(count * width, 2);
      Operand h = unset(count * width), dgate_up = unset(gate_up.size());
      auto const dgate_up_expected = reference::swiglu_backward(dh.values(), gate_up.values(), width);

      swiglu_forward(Exec(), gate_up.matrix(count), h.matrix(count));
      CHECK(relative_error(h, reference::swiglu_forward(gate_up.values(), width)) < tolerance);
      Operand h_again = unset(h.size());
      swiglu_backward(Exec(), dh.matrix(count), gate_up.matrix(count), dgate_up.matrix(count),
                      h_again.matrix(count));
      CHECK(relative_error(dgate_up, dgate_up_expected) < tolerance);
      CHECK(bit_equal(h_again, h));
      swiglu_backward(Exec(), dh.matrix(count), gate_up.matrix(count), gate_up.matrix(count),
                      dh.matrix(count));
      CHECK(bit_equal(gate_up, dgate_up));
      CHECK(bit_equal(dh, h));
    }
  }
}

TEST_CASE("swiglu backward is the derivative of its forward") {
  std::size_t const count = 3, width = 5;
  Operand gate_up = random_operand(count * 2 * width, 1, 3.0F), dh = random_operand(count * width, 2);
  Operand dgate_up = unset(gate_up.size()), h = unset(dh.size());
  swiglu_backward(Exec(), dh.matrix(count), gate_up.matrix(count), dgate_up.matrix(count), h.matrix(count));
  CHECK(relative_error(dgate_up, finite_differences(gate_up.values(), [&](auto const& v) {
                         return dot(reference::swiglu_forward(v, width), dh.values());
                       })) < 1e-6);
}
