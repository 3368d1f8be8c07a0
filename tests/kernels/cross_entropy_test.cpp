// The fused classifier: loss per row, gradient in the place of the logits.
#include "kernels/cross_entropy.hpp"

#include "kernels/reference/cross_entropy.hpp"
#include "operands.hpp"

using namespace atl::kernels;
using namespace atl::kernels::test;

constexpr double tolerance = 1e-6;  // sums of at most 2053 exponentials
constexpr float factor = 0.125F;

struct Rows {
  std::size_t count, vocabulary;
};
Rows const shapes[] = {{1, 1}, {5, 7}, {4, 256}, {3, 2053}};

std::vector<std::int32_t> some_ignored(std::size_t count, std::size_t vocabulary) {
  auto targets = random_tokens(count, vocabulary, 9);
  for (std::size_t n = 1; n < count; n += 3) targets[n] = -1;
  return targets;
}

TEST_CASE("cross entropy equals its twin, with ignored rows and logits of any size") {
  for (auto const& [count, vocabulary] : shapes) {
    for (float const amplitude : {1.0F, 30.0F}) {
      INFO(count << " x " << vocabulary << " in +-" << amplitude);
      Operand logits = random_operand(count * vocabulary, 1, amplitude), loss = unset(count),
              fused = unset(count);
      auto const targets = some_ignored(count, vocabulary);
      auto const expected = reference::cross_entropy_forward(logits.values(), targets);
      auto const dlogits = reference::cross_entropy_backward(logits.values(), targets, factor);

      cross_entropy_forward(Exec(), logits.matrix(count), view_of(targets), loss.vector());
      CHECK(relative_error(loss, expected) < tolerance);
      cross_entropy_forward_backward(Exec(), view_of(targets), factor, logits.matrix(count),
                                     logits.matrix(count), fused.vector());
      CHECK(relative_error(fused, expected) < tolerance);
      if (vocabulary > 1) CHECK(relative_error(logits, dlogits) < 5e-6);
    }
  }
}

TEST_CASE("an ignored row has no loss and no gradient, whatever its logits are") {
  std::vector<std::int32_t> const targets = {-1, 2};
  Operand logits = random_operand(8, 1), loss = unset(2);
  logits.set(1, std::numeric_limits<float>::quiet_NaN());
  cross_entropy_forward_backward(Exec(), view_of(targets), factor, logits.matrix(2), logits.matrix(2),
                                 loss.vector());
  CHECK(loss.floats()[0] == 0.0F);
  CHECK(loss.floats()[1] > 0.0F);
  auto const gradient = logits.floats();
  CHECK(std::vector<float>(gradient.begin(), gradient.begin() + 4) == std::vector<float>(4, 0.0F));
}

TEST_CASE("equal logits cost the logarithm of the vocabulary") {
  std::vector<std::int32_t> const targets = {17};
  Operand logits(2048, 3.0F), loss = unset(1);
  cross_entropy_forward(Exec(), logits.matrix(1), view_of(targets), loss.vector());
  CHECK_THAT(loss.floats()[0], WithinRel(std::log(2048.0F), 1e-6F));
}

TEST_CASE("cross entropy's gradient is the derivative of its loss") {
  std::size_t const count = 4, vocabulary = 6;
  auto const targets = some_ignored(count, vocabulary);
  Operand logits = random_operand(count * vocabulary, 1, 3.0F), loss = unset(count);
  auto const expected = finite_differences(logits.values(), [&](auto const& v) {
    double sum = 0.0;
    for (double const l : reference::cross_entropy_forward(v, targets)) sum += factor * l;
    return sum;
  });
  cross_entropy_forward_backward(Exec(), view_of(targets), factor, logits.matrix(count), logits.matrix(count),
                                 loss.vector());
  CHECK(relative_error(logits, expected) < 1e-6);
}

TEST_CASE("the gradient of a row sums to zero") {
  std::vector<std::int32_t> const targets = {5};
  Operand logits = random_operand(100, 1), loss = unset(1);
  cross_entropy_forward_backward(Exec(), view_of(targets), 1.0F, logits.matrix(1), logits.matrix(1),
                                 loss.vector());
  double sum = 0.0;
  for (double const x : logits.values()) sum += x;
  CHECK_THAT(sum, WithinAbs(0.0, 1e-6));
}
