// Root-mean-square norm: alone, fused with the residual sum, and backward.
#include "kernels/rmsnorm.hpp"

#include "kernels/reference/rmsnorm.hpp"
#include "operands.hpp"

using namespace atl::kernels;
using namespace atl::kernels::test;

constexpr float eps = 1e-5F;
constexpr double tolerance = 2e-6;  // sums of at most 257 rounded squares

struct Rows {
  std::size_t count, width;
};
Rows const shapes[] = {{1, 1}, {3, 7}, {70, 64}, {33, 257}};

TEST_CASE("rmsnorm forward equals its twin") {
  for (auto const& [count, width] : shapes) {
    INFO(count << " x " << width);
    Operand x = random_operand(count * width, 1, 3.0F), weight = random_operand(width, 2);
    Operand y = unset(x.size()), inv_rms = unset(count);
    rmsnorm_forward(Exec(), x.matrix(count), weight.vector(), eps, y.matrix(count), inv_rms.vector());
    auto const expected = reference::rmsnorm_forward(x.values(), weight.values(), eps);
    CHECK(relative_error(y, expected.y) < tolerance);
    CHECK(relative_error(inv_rms, expected.inv_rms) < tolerance);
  }
}

TEST_CASE("rmsnorm of a row of zeros is zero") {
  Operand x(8, 0.0F), weight(8, 1.0F), y = unset(8), inv_rms = unset(1);
  rmsnorm_forward(Exec(), x.matrix(1), weight.vector(), eps, y.matrix(1), inv_rms.vector());
  CHECK(bit_equal(y, x));
}

TEST_CASE("the fused residual norm is the sum followed by the norm, to the last bit, also in place") {
  for (auto const& [count, width] : shapes) {
    INFO(count << " x " << width);
    Operand x = random_operand(count * width, 1), branch = random_operand(count * width, 2);
    Operand weight = random_operand(width, 3), y = unset(x.size()), inv_rms = unset(count),
            sum = unset(x.size());
    residual_rmsnorm_forward(Exec(), x.matrix(count), branch.matrix(count), weight.vector(), eps,
                             sum.matrix(count), y.matrix(count), inv_rms.vector());

    CHECK(relative_error(sum, plus(x.values(), branch.values())) < 1e-7);
    Operand plain_y = unset(x.size()), plain_inv_rms = unset(count);
    rmsnorm_forward(Exec(), sum.matrix(count), weight.vector(), eps, plain_y.matrix(count),
                    plain_inv_rms.vector());
    CHECK(bit_equal(y, plain_y));
    CHECK(bit_equal(inv_rms, plain_inv_rms));

    residual_rmsnorm_forward(Exec(), x.matrix(count), branch.matrix(count), weight.vector(), eps,
                             x.matrix(count), y.matrix(count), inv_rms.vector());
    CHECK(bit_equal(x, sum));
    CHECK(bit_equal(y, plain_y));
  }
}

TEST_CASE("rmsnorm backward writes or adds dx, and adds dweight") {
  for (auto const& [count, width] : shapes) {
    INFO(count << " x " << width);
    Operand x = random_operand(count * width, 1), weight = random_operand(width, 2);
    Operand dy = random_operand(count * width, 3), y = unset(x.size()), inv_rms = unset(count);
    rmsnorm_forward(Exec(), x.matrix(count), weight.vector(), eps, y.matrix(count), inv_rms.vector());
    auto const expected = reference::rmsnorm_backward(dy.values(), x.values(), weight.values(), eps);
    auto const run = [&](Update update, Operand& dx, Operand& dweight) {
      rmsnorm_backward(Exec(), dy.matrix(count), x.matrix(count), weight.vector(), inv_rms.vector(), update,
                       dx.matrix(count), dweight.vector());
    };
    Operand written = unset(x.size()), dweight = random_operand(width, 4);
    auto const dweight_expected = plus(dweight.values(), expected.dweight);
    run(Update::overwrite, written, dweight);
    // A row of one element is its own sign: all of dx cancels, and what is left is rounding of its terms.
    if (width > 1) CHECK(relative_error(written, expected.dx) < tolerance);
    CHECK(relative_error(dweight, dweight_expected) < tolerance);

    Operand added = random_operand(x.size(), 5);
    auto const added_expected = plus(added.values(), expected.dx);
    run(Update::add, added, dweight);
    CHECK(relative_error(added, added_expected) < tolerance);

    run(Update::overwrite, dy, dweight);  // in the place of dy
    CHECK(bit_equal(dy, written));
  }
}

TEST_CASE("rmsnorm backward is the derivative of its forward") {
  std::size_t const count = 3, width = 17;
  Operand x = random_operand(count * width, 1), weight = random_operand(width, 2);
  Operand dy = random_operand(count * width, 3), y = unset(x.size()), inv_rms = unset(count);
  Operand dx = unset(x.size()), dweight(width, 0.0F);
  rmsnorm_forward(Exec(), x.matrix(count), weight.vector(), eps, y.matrix(count), inv_rms.vector());
  rmsnorm_backward(Exec(), dy.matrix(count), x.matrix(count), weight.vector(), inv_rms.vector(),
                   Update::overwrite, dx.matrix(count), dweight.vector());
  auto const loss = [&](reference::Input at_x, reference::Input at_weight) {
    return dot(reference::rmsnorm_forward(at_x, at_weight, eps).y, dy.values());
  };
  CHECK(relative_error(dx, finite_differences(x.values(), [&](auto const& v) {
                         return loss(v, weight.values());
                       })) < tolerance);
  CHECK(relative_error(dweight, finite_differences(weight.values(), [&](auto const& v) {
                         return loss(x.values(), v);
                       })) < tolerance);
}
