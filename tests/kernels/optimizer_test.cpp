// AdamW and SGD over ranges of a flat buffer.
#include "kernels/optimizer.hpp"

#include "kernels/reference/optimizer.hpp"
#include "operands.hpp"

using namespace atl::kernels;
using namespace atl::kernels::test;

constexpr std::size_t size = 10007;  // more than two blocks, and a rest

TEST_CASE("ten steps of AdamW equal ten steps of its twin") {
  Operand param = random_operand(size, 1), moment1(size, 0.0F), moment2(size, 0.0F);
  reference::AdamwState state{param.values(), moment1.values(), moment2.values()};
  for (int t = 1; t <= 10; ++t) {
    AdamwStep const step{.lr = 3e-3,
                         .beta1 = 0.9,
                         .beta2 = 0.999,
                         .eps = 1e-8,
                         .weight_decay = 0.1,
                         .bias_correction1 = 1.0 - std::pow(0.9, t),
                         .bias_correction2 = 1.0 - std::pow(0.999, t),
                         .grad_scale = 0.5};
    Operand grad = random_operand(size, static_cast<std::uint32_t>(100 + t));
    adamw_update(Exec(), grad.vector(), step, param.vector(), moment1.vector(), moment2.vector());
    reference::adamw_update(grad.values(), step, state);
  }
  CHECK(relative_error(param, state.param) < 1e-6);
  CHECK(relative_error(moment1, state.moment1) < 1e-6);
  CHECK(relative_error(moment2, state.moment2) < 1e-6);
}

TEST_CASE("the first step of AdamW moves every parameter by the learning rate against its gradient") {
  Operand param(3, 1.0F), moment1(3, 0.0F), moment2(3, 0.0F), grad({1e-3F, -50.0F, 2.0F});
  AdamwStep const step{.lr = 0.01, .bias_correction1 = 1.0 - 0.9, .bias_correction2 = 1.0 - 0.95};
  adamw_update(Exec(), grad.vector(), step, param.vector(), moment1.vector(), moment2.vector());
  CHECK(relative_error(param, {0.99, 1.01, 0.99}) < 1e-6);
}

TEST_CASE("weight decay applies to the range it is given with, and is not scaled by the moments") {
  Operand param(6, 2.0F), moment1(6, 0.0F), moment2(6, 0.0F), grad(6, 0.0F);
  auto const update = [&](std::size_t begin, double weight_decay) {
    AdamwStep const step{.lr = 0.1, .weight_decay = weight_decay};
    adamw_update(Exec(), range(grad.vector(), begin, 3), step, range(param.vector(), begin, 3),
                 range(moment1.vector(), begin, 3), range(moment2.vector(), begin, 3));
  };
  update(0, 0.5);
  update(3, 0.0);
  CHECK(relative_error(param, {1.9, 1.9, 1.9, 2.0, 2.0, 2.0}) < 1e-7);
}

TEST_CASE("SGD equals its twin") {
  SgdStep const step{.lr = 0.1, .weight_decay = 0.01, .grad_scale = 0.25};
  Operand param = random_operand(size, 1), grad = random_operand(size, 2);
  reference::Values expected = param.values();
  reference::sgd_update(grad.values(), step, expected);
  sgd_update(Exec(), grad.vector(), step, param.vector());
  CHECK(relative_error(param, expected) < 1e-7);
}

TEST_CASE("momentum gathers gradients as its twin does, with Nesterov's look ahead and without") {
  MomentumStep const step{.momentum = 0.9, .grad_scale = 0.5};
  Operand heavy(size, 0.0F), nesterov(size, 0.0F), ahead = unset(size);
  reference::Values expected(size, 0.0), same(size, 0.0), expected_ahead;
  for (std::uint32_t t = 0; t < 5; ++t) {
    Operand grad = random_operand(size, t);
    momentum_update(Exec(), grad.vector(), step, heavy.vector());
    nesterov_update(Exec(), grad.vector(), step, nesterov.vector(), ahead.vector());
    reference::momentum_update(grad.values(), step, expected);
    expected_ahead = reference::nesterov_update(grad.values(), step, same);
  }
  CHECK(relative_error(heavy, expected) < 1e-6);
  CHECK(relative_error(nesterov, same) < 1e-6);
  CHECK(relative_error(ahead, expected_ahead) < 1e-6);
}

TEST_CASE("an update of the same state has the same bits, whether in one range or in two") {
  AdamwStep const step{.lr = 1e-2, .weight_decay = 0.1};
  std::size_t const cut = GENERATE(std::size_t{4096}, std::size_t{16}, std::size_t{5008}, std::size_t{777});
  Operand grad = random_operand(size, 2), param = random_operand(size, 1), whole = param;
  Operand moment1(size, 0.1F), moment2(size, 0.2F), whole1 = moment1, whole2 = moment2;
  adamw_update(Exec(), grad.vector(), step, whole.vector(), whole1.vector(), whole2.vector());
  for (auto const& [begin, count] : {std::pair{std::size_t{0}, cut}, std::pair{cut, size - cut}}) {
    adamw_update(Exec(), range(grad.vector(), begin, count), step, range(param.vector(), begin, count),
                 range(moment1.vector(), begin, count), range(moment2.vector(), begin, count));
  }
  CHECK(bit_equal(param, whole));
  CHECK(bit_equal(moment1, whole1));
  CHECK(bit_equal(moment2, whole2));
}
