// Layer norm: alone, fused with the residual sum, and backward.
#include "kernels/layernorm.hpp"

#include "kernels/reference/layernorm.hpp"
#include "operands.hpp"

using namespace atl::kernels;
using namespace atl::kernels::test;

constexpr float eps = 1e-5F;
constexpr double tolerance = 2e-6;  // sums of at most 257 rounded squares

struct Rows {
  std::size_t count, width;
};
Rows const shapes[] = {{1, 2}, {3, 7}, {70, 64}, {33, 257}};

// The operands of a norm, and what its forward made of them.
struct Normed {
  Normed(Rows const& shape, float amplitude, float offset)
      : count(shape.count),
        x(shifted(random_operand(shape.count * shape.width, 1, amplitude).floats(), offset)),
        weight(random_operand(shape.width, 2)),
        bias(random_operand(shape.width, 3)),
        y(unset(x.size())),
        mean(unset(count)),
        inv_std(unset(count)) {
    layernorm_forward(Exec(), x.matrix(count), weight.vector(), bias.vector(), eps, y.matrix(count),
                      mean.vector(), inv_std.vector());
  }
  void backward(Operand& dy, Update update, Operand& dx, Operand& dweight, Operand& dbias) {
    layernorm_backward(Exec(), dy.matrix(count), x.matrix(count), weight.vector(), mean.vector(),
                       inv_std.vector(), update, dx.matrix(count), dweight.vector(), dbias.vector());
  }
  static std::vector<float> shifted(std::vector<float> values, float offset) {
    for (float& value : values) value += offset;
    return values;
  }
  std::size_t count;
  Operand x, weight, bias, y, mean, inv_std;
};

TEST_CASE("layernorm forward equals its twin, also of rows far from zero") {
  for (auto const& shape : shapes) {
    for (float const offset : {0.0F, 100.0F}) {
      INFO(shape.count << " x " << shape.width << " about " << offset);
      Normed const norm(shape, 3.0F, offset);
      auto const expected =
          reference::layernorm_forward(norm.x.values(), norm.weight.values(), norm.bias.values(), eps);
      double const rounding = offset == 0.0F ? tolerance : 1e-4;  // a float near 100 is exact to 4e-6
      CHECK(relative_error(norm.y, expected.y) < rounding);
      CHECK(relative_error(norm.mean, expected.mean) < tolerance);
      CHECK(relative_error(norm.inv_std, expected.inv_std) < rounding);
    }
  }
}

TEST_CASE("layernorm of a row of equal numbers is the bias") {
  Operand x(8, 3.0F), weight(8, 2.0F), bias = random_operand(8, 1), y = unset(8), mean = unset(1),
                                       inv_std = unset(1);
  layernorm_forward(Exec(), x.matrix(1), weight.vector(), bias.vector(), eps, y.matrix(1), mean.vector(),
                    inv_std.vector());
  CHECK(bit_equal(y, bias));
}

TEST_CASE("the fused residual layernorm is the sum followed by the norm, to the last bit, also in place") {
  for (auto const& shape : shapes) {
    INFO(shape.count << " x " << shape.width);
    std::size_t const count = shape.count;
    Normed plain(shape, 1.0F, 0.0F);
    Operand first = random_operand(plain.x.size(), 4), branch = random_operand(plain.x.size(), 5);
    Operand sum = unset(first.size()), y = unset(first.size()), mean = unset(count), inv_std = unset(count);
    auto const fused = [&](Operand& into) {
      residual_layernorm_forward(Exec(), first.matrix(count), branch.matrix(count), plain.weight.vector(),
                                 plain.bias.vector(), eps, into.matrix(count), y.matrix(count), mean.vector(),
                                 inv_std.vector());
    };
    fused(sum);
    CHECK(relative_error(sum, plus(first.values(), branch.values())) < 1e-7);
    layernorm_forward(Exec(), sum.matrix(count), plain.weight.vector(), plain.bias.vector(), eps,
                      plain.y.matrix(count), plain.mean.vector(), plain.inv_std.vector());
    CHECK(bit_equal(y, plain.y));
    CHECK(bit_equal(mean, plain.mean));
    CHECK(bit_equal(inv_std, plain.inv_std));

    fused(first);
    CHECK(bit_equal(first, sum));
    CHECK(bit_equal(y, plain.y));
  }
}

TEST_CASE("layernorm backward writes or adds dx, and adds dweight and dbias") {
  for (auto const& shape : shapes) {
    INFO(shape.count << " x " << shape.width);
    Normed norm(shape, 1.0F, 0.5F);
    Operand dy = random_operand(norm.x.size(), 4);
    auto const expected =
        reference::layernorm_backward(dy.values(), norm.x.values(), norm.weight.values(), eps);
    Operand written = unset(dy.size()), dweight = random_operand(shape.width, 5),
            dbias = random_operand(shape.width, 6);
    auto const dweight_expected = plus(dweight.values(), expected.dweight);
    auto const dbias_expected = plus(dbias.values(), expected.dbias);
    norm.backward(dy, Update::overwrite, written, dweight, dbias);
    // A row of two is its own sign: all of dx cancels, and what is left is rounding of its terms.
    if (shape.width > 2) CHECK(relative_error(written, expected.dx) < tolerance);
    CHECK(relative_error(dweight, dweight_expected) < tolerance);
    CHECK(relative_error(dbias, dbias_expected) < tolerance);

    Operand added = random_operand(dy.size(), 7);
    auto const added_expected = plus(added.values(), expected.dx);
    norm.backward(dy, Update::add, added, dweight, dbias);
    CHECK(relative_error(added, added_expected) < tolerance);

    norm.backward(dy, Update::overwrite, dy, dweight, dbias);  // in the place of dy
    CHECK(bit_equal(dy, written));
  }
}

TEST_CASE("layernorm backward is the derivative of its forward") {
  Rows const shape{3, 17};
  Normed norm(shape, 1.0F, 0.5F);
  Operand dy = random_operand(norm.x.size(), 4), dx = unset(dy.size());
  Operand dweight(shape.width, 0.0F), dbias(shape.width, 0.0F);
  norm.backward(dy, Update::overwrite, dx, dweight, dbias);
  auto const loss = [&](reference::Input x, reference::Input weight, reference::Input bias) {
    return dot(reference::layernorm_forward(x, weight, bias, eps).y, dy.values());
  };
  auto const x = norm.x.values(), weight = norm.weight.values(), bias = norm.bias.values();
  CHECK(relative_error(dx, finite_differences(x, [&](auto const& v) { return loss(v, weight, bias); })) <
        tolerance);
  CHECK(relative_error(dweight, finite_differences(weight, [&](auto const& v) { return loss(x, v, bias); })) <
        tolerance);
  CHECK(relative_error(dbias, finite_differences(bias, [&](auto const& v) { return loss(x, weight, v); })) <
        tolerance);
}
